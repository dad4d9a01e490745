import { useState } from "preact/hooks";
import { useText } from "../../i18n/index.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { TextField } from "../../parts/field.tsx";
import { Page } from "../../parts/page.tsx";
import { go } from "../../router.ts";

const ID = /^[\w-]{1,64}$/;

/** A merchant by its id. */
export function Merchants() {
  const t = useText();
  const [id, setId] = useState("");
  const wrong = id !== "" && !ID.test(id);
  return (
    <Page title={t.nav.merchants}>
      <Card>
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            if (ID.test(id)) go(`operator/merchants/${id}`);
          }}
        >
          <TextField
            label={t.operator.merchantId}
            value={id}
            required
            error={wrong ? t.operator.idWrong : undefined}
            onChange={(value) => setId(value.trim())}
          />
          <Button type="submit" kind="primary">
            {t.operator.lookUp}
          </Button>
        </form>
      </Card>
    </Page>
  );
}
