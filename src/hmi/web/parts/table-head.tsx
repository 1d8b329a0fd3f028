/** The head of a table. */
import type { ComponentChildren } from "preact";

interface TableHeadProps {
  /** What stands over each column, each once. */
  readonly columns: readonly string[];
  /** A cell behind them. */
  readonly children?: ComponentChildren;
}

export function TableHead({ columns, children }: TableHeadProps) {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column} scope="col">
            {column}
          </th>
        ))}
        {children}
      </tr>
    </thead>
  );
}
