import { useState } from "preact/hooks";
import { useText } from "../i18n/index.ts";
import { go } from "../router.ts";
import { Button } from "./button.tsx";
import { Card } from "./card.tsx";
import { TextField } from "./field.tsx";

const ID = /^[\w-]{1,64}$/;

/** Goes to the page of what has this id, under `path`. */
export function LookUp({ label, path }: { label: string; path: string }) {
  const t = useText();
  const [id, setId] = useState("");
  const wrong = id !== "" && !ID.test(id);
  return (
    <Card>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (ID.test(id)) go(`${path}/${id}`);
        }}
      >
        <TextField
          label={label}
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
  );
}
