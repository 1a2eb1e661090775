interface Props<T> {
  /** What is shown. */
  items: T[];
  render?: (item: T) => JSX.Element;
}

/**
 * A list 🎉.
 *
 * @param props - Its properties.
 */
export function List<T>({ items, render = (item) => <b>{String(item)}</b> }: Props<T>): JSX.Element {
  const show = (item: T) => render(item);
  return <ul>{items.map((item) => <li key={String(item)}>{show(item)}</li>)}</ul>;
}

export const Memo = React.memo(List);
