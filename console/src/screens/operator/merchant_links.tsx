import { useText } from "../../i18n/index.ts";
import { hrefOf } from "../../router.ts";

/** To a merchant, and straight to its refunds that wait. */
export function MerchantLinks({ id }: { id: string }) {
  const t = useText();
  const path = hrefOf(`operator/merchants/${id}`);
  return (
    <span class="links">
      <a href={path}>{id}</a>{" "}
      <a href={`${path}/waiting`}>
        {t.operator.waiting}
        <span class="unseen"> {id}</span>
      </a>
    </span>
  );
}
