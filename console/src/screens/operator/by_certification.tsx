import { useState } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { NOW_AND_THEN, usePages } from "../../load.ts";
import { SelectField } from "../../parts/field.tsx";

export type Certification = Schema["Certification"];
export type Status = Schema["Status"];

/** Certifications in one state, page by page, and the field that says in which; `name` tells lists apart. */
export function useCertifications(name: string, first: Status) {
  const t = useText();
  const [status, setStatus] = useState<Status>(first);
  const pages = usePages<Certification>(
    `${name}:${status}`,
    (cursor, signal) =>
      call("get", "/certifications", { query: { status, cursor: cursor ?? null }, ...(signal && { signal }) }),
    NOW_AND_THEN,
  );
  const { none: _, ...choices } = t.certification.states;
  const filter = (
    <div class="filters">
      <SelectField
        label={t.operator.status}
        value={status}
        choices={choices}
        onChange={(value) => setStatus(value as Status)}
      />
    </div>
  );
  return { pages, filter };
}
