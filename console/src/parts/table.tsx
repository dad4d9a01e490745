import type { ComponentChildren } from "preact";
import { useText } from "../i18n/index.ts";
import type { Pages } from "../load.ts";
import { Button } from "./button.tsx";
import { Empty, Loaded } from "./loaded.tsx";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  right?: boolean;
}

interface Props<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
}

/** A table; on a phone each row is a small card that names its cells. */
export function Table<T>({ caption, columns, rows, id }: Props<T>) {
  return (
    <div class="table-box" role="group" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={column.right ? "right" : undefined}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map((column) => (
                <td key={column.name} data-name={column.name} class={column.right ? "right" : undefined}>
                  <div>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ListProps<T> extends Omit<Props<T>, "rows"> {
  pages: Pages<T>;
  empty: string;
  emptyText?: string;
}

export function List<T>({ pages, empty, emptyText, ...table }: ListProps<T>) {
  const t = useText();
  return (
    <Loaded load={pages}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty title={empty} {...(emptyText ? { text: emptyText } : {})} />
        ) : (
          <>
            <Table rows={rows} {...table} />
            {pages.more && (
              <p class="more">
                <Button onClick={pages.more} busy={pages.extending}>
                  {t.more}
                </Button>
              </p>
            )}
          </>
        )
      }
    </Loaded>
  );
}
