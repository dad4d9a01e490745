import { useText } from "../i18n/index.ts";
import { hrefOf, useAddress } from "../router.ts";
import { useSession } from "../session.ts";

/** 钱包和结算: its pages side by side. */
export function WalletTabs() {
  const t = useText();
  const { acting } = useSession();
  const address = useAddress();
  const tabs: [string, string][] = [
    ["wallet", t.nav.wallet],
    ["statement", t.nav.statement],
  ];
  if (acting === "merchant") tabs.push(["settlement", t.nav.settlement]);
  return (
    <nav class="tabs" aria-label={acting === "merchant" ? t.nav.walletAndSettlement : t.nav.wallet}>
      {tabs.map(([path, label]) => (
        <a
          key={path}
          href={hrefOf(`${acting}/${path}`)}
          aria-current={`${address}/`.startsWith(`${acting}/${path}/`) ? "page" : undefined}
        >
          {label}
        </a>
      ))}
    </nav>
  );
}
