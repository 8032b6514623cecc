import React, {
  createContext,
  memo,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useReducer,
  useRef,
  type ReactNode,
} from 'react';
import type { CSSProperties } from 'react';
import { sortBy } from '../collections';

/** How a column is shown and sorted. */
export interface Column<Row, Value = unknown> {
  readonly key: string;
  title: ReactNode;
  value(row: Row): Value;
  render?: (value: Value, row: Row) => JSX.Element | null;
  compare?: (left: Value, right: Value) => number;
  width?: `${number}px` | 'auto';
}

type Direction = 'ascending' | 'descending';

interface State {
  sortedBy: string | null;
  direction: Direction;
  selected: ReadonlySet<string>;
  page: number;
}

type Action =
  | { type: 'sort'; key: string }
  | { type: 'select'; id: string; many?: boolean }
  | { type: 'page'; to: number }
  | { type: 'reset' };

const START: State = { sortedBy: null, direction: 'ascending', selected: new Set(), page: 0 };

const PAGE_SIZE = 25 as const;

function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'sort': {
      const again = state.sortedBy === action.key;
      const direction: Direction = again && state.direction === 'ascending' ? 'descending' : 'ascending';
      return { ...state, sortedBy: action.key, direction, page: 0 };
    }
    case 'select': {
      const selected = new Set(action.many ? state.selected : []);
      if (state.selected.has(action.id)) {
        selected.delete(action.id);
      } else {
        selected.add(action.id);
      }
      return { ...state, selected };
    }
    case 'page':
      return { ...state, page: Math.max(0, action.to) };
    case 'reset':
      return START;
    default: {
      const never: never = action;
      throw new Error(`no such action: ${JSON.stringify(never)}`);
    }
  }
}

const Theme = createContext<{ dark: boolean; accent?: string }>({ dark: false });

export const useTheme = () => useContext(Theme);

class Boundary extends React.Component<{ children: ReactNode; onError?: (error: Error) => void }, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  componentDidCatch(error: Error): void {
    this.props.onError?.(error);
  }

  render() {
    const { error } = this.state;
    return error ? <p role="alert">The table cannot be shown: {error.message}</p> : this.props.children;
  }
}

type CellProps<Row> = { row: Row; column: Column<Row, any> };

const Cell = memo(function Cell<Row>({ row, column }: CellProps<Row>) {
  const value = column.value(row);
  const style: CSSProperties = { width: column.width ?? 'auto' };
  return <td style={style}>{column.render ? column.render(value, row) : String(value)}</td>;
}) as <Row>(props: CellProps<Row>) => JSX.Element;

function Header<Row>({ columns, state, onSort }: {
  columns: Column<Row, any>[];
  state: State;
  onSort: (key: string) => void;
}) {
  return (
    <thead>
      <tr>
        {columns.map(({ key, title }) => (
          <th key={key} aria-sort={state.sortedBy === key ? state.direction : 'none'}>
            <button type="button" onClick={() => onSort(key)}>
              {title}
              {state.sortedBy === key && <span>{state.direction === 'ascending' ? '▲' : '▼'}</span>}
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

/* Rows whose identity is their field `id`. */
export interface Identified {
  id: string;
}

export interface TableProps<Row extends Identified> {
  rows: readonly Row[];
  columns: Column<Row, any>[];
  caption?: string;
  onSelect?(ids: string[]): void;
}

/**
 * A table that sorts, selects and pages.
 */
export function Table<Row extends Identified>({ rows, columns, caption = 'rows', onSelect }: TableProps<Row>) {
  const [state, dispatch] = useReducer(reduce, START);
  const { dark, accent = '#07c' } = useTheme();
  const body = useRef<HTMLTableSectionElement>(null);

  const sorted = useMemo(() => {
    const column = columns.find((candidate) => candidate.key === state.sortedBy);
    if (!column) return [...rows];
    const inOrder = sortBy(rows, column.value, column.compare);
    return state.direction === 'descending' ? inOrder.reverse() : inOrder;
  }, [rows, columns, state.sortedBy, state.direction]);

  useEffect(() => {
    onSelect?.([...state.selected]);
    return () => body.current?.blur();
  }, [state.selected, onSelect]);

  const select = useCallback(
    (event: React.MouseEvent<HTMLTableRowElement>) => {
      const id = event.currentTarget.dataset.id!;
      dispatch({ type: 'select', id, many: event.metaKey || event.ctrlKey });
    },
    [dispatch],
  );

  const shown = sorted.slice(state.page * PAGE_SIZE, (state.page + 1) * PAGE_SIZE);
  const pages = Math.ceil(rows.length / PAGE_SIZE) || 1;

  return (
    <Boundary onError={(error) => console.error(error)}>
      <table className={dark ? 'table dark' : 'table'} style={{ '--accent': accent } as CSSProperties}>
        <caption>{`${rows.length} ${caption}`}</caption>
        <Header columns={columns} state={state} onSort={(key) => dispatch({ type: 'sort', key })} />
        <tbody ref={body} tabIndex={-1}>
          {shown.length === 0 ? (
            <tr>
              <td colSpan={columns.length}>Nothing &mdash; yet</td>
            </tr>
          ) : (
            shown.map((row) => (
              <tr key={row.id} data-id={row.id} onClick={select} aria-selected={state.selected.has(row.id)}>
                {columns.map((column) => (
                  <Cell<Row> key={column.key} row={row} column={column} />
                ))}
              </tr>
            ))
          )}
        </tbody>
      </table>
      <>
        <button disabled={state.page === 0} onClick={() => dispatch({ type: 'page', to: state.page - 1 })}>
          back
        </button>
        <output>{`${state.page + 1} of ${pages}`}</output>
        <button disabled={state.page + 1 >= pages} onClick={() => dispatch({ type: 'page', to: state.page + 1 })}>
          on
        </button>
      </>
    </Boundary>
  );
}

export const withTheme = <P extends object>(Inner: React.ComponentType<P>, dark = false) => {
  const Themed = (props: P) => (
    <Theme.Provider value={{ dark }}>
      <Inner {...props} />
    </Theme.Provider>
  );
  Themed.displayName = `withTheme(${Inner.displayName ?? Inner.name})`;
  return Themed;
};

export default withTheme(Table as React.FC<TableProps<Identified>>);
