import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useDraft } from "../../draft.ts";
import { useText, type Messages } from "../../i18n/index.ts";
import { useAction, useLoad, type Load } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { TextField, useFieldErrors } from "../../parts/field.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { ProblemNote } from "../../parts/problem.tsx";

type Shop = Schema["Shop"];

const SETTINGS = ["name", "logo_url", "category", "customer_service_phone"] as const;
const ADDRESS = ["recipient", "phone", "province", "city", "street"] as const;
type Setting = (typeof SETTINGS)[number];
type Part = (typeof ADDRESS)[number];
type Typed = Record<Setting | `address_${Part}`, string>;

/** The keyboard that a phone shows, where it is not the usual one. */
const INPUT: Partial<Record<Setting, "tel" | "url">> = { customer_service_phone: "tel", logo_url: "url" };

export function ShopScreen() {
  const t = useText();
  const load = useLoad("shop", (signal) => call("get", "/shop", { signal }));
  return (
    <Page title={t.nav.shop} lead={t.shop.lead}>
      <Loaded load={load}>
        {(shop) => (
          <>
            <Missing shop={shop} />
            <ShopForm shop={shop} put={load.put} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Missing({ shop }: { shop: Shop }) {
  const t = useText();
  if (shop.complete) return <Note tone="good" title={t.shop.complete} />;
  return (
    <Note tone="warn" title={t.shop.missing}>
      <ul>
        {shop.missing.map((name) => (
          <li key={name}>{nameOf(name, t)}</li>
        ))}
      </ul>
    </Note>
  );
}

function nameOf(setting: string, t: Messages): string {
  return t.shop[setting as Setting] ?? setting;
}

function ShopForm({ shop, put }: { shop: Shop; put: Load<Shop>["put"] }) {
  const t = useText();
  const [typed, change, clear] = useDraft<Typed>("shop", () => typedOf(shop));
  const save = useAction(async () => {
    put(await call("put", "/shop", { body: settingsOf(typed) }));
    clear();
    announce(t.saved);
  });
  const errors = useFieldErrors(save.problem);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <Card title={t.nav.shop}>
        <div class="fields">
          {SETTINGS.map((name) => (
            <TextField
              key={name}
              label={t.shop[name]}
              value={typed[name]}
              error={errors[name]}
              hint={name === "customer_service_phone" ? t.shop.phoneHint : undefined}
              maxLength={name === "logo_url" ? 512 : 100}
              inputMode={INPUT[name]}
              onChange={(value) => change({ [name]: value })}
            />
          ))}
        </div>
        <fieldset>
          <legend>{t.shop.return_address}</legend>
          <p class="hint">{t.shop.addressHint}</p>
          <div class="fields">
            {ADDRESS.map((part) => (
              <TextField
                key={part}
                label={t.shop[part]}
                value={typed[`address_${part}`]}
                error={errors[`return_address/${part}`]}
                maxLength={100}
                onChange={(value) => change({ [`address_${part}`]: value })}
              />
            ))}
          </div>
        </fieldset>
        <ProblemNote problem={save.problem} />
        <div class="form-end">
          <Button kind="primary" type="submit" busy={save.busy}>
            {t.save}
          </Button>
        </div>
      </Card>
    </form>
  );
}

function typedOf(shop: Shop): Typed {
  const address = shop.return_address;
  return {
    ...(Object.fromEntries(SETTINGS.map((name) => [name, shop[name] ?? ""])) as Record<Setting, string>),
    ...(Object.fromEntries(
      ADDRESS.map((part) => [`address_${part}`, address?.[part] ?? ""]),
    ) as Record<`address_${Part}`, string>),
  };
}

/** What is left empty is not filled in; an address with a part is sent, and the API says what lacks. */
function settingsOf(typed: Typed): Schema["ShopSettings"] {
  const address = Object.fromEntries(
    ADDRESS.map((part) => [part, typed[`address_${part}`].trim()]).filter(([, text]) => text),
  ) as Schema["ReturnAddress"];
  return {
    ...Object.fromEntries(SETTINGS.map((name) => [name, typed[name].trim() || null])),
    return_address: Object.keys(address).length > 0 ? address : null,
  };
}
