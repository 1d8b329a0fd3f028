/** A value that parts of the page show, and a hook that renders a part anew when what it shows has changed. */
import { useEffect, useReducer, useRef } from "preact/hooks";

export class Store<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (value === this.#value) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** What `select` takes from the store; the part is rendered anew when that is another value (by identity). */
export function useStore<T, S>(store: Store<T>, select: (value: T) => S): S {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const selected = select(store.value);
  const shown = useRef({ select, selected });
  shown.current = { select, selected };
  useEffect(() => {
    const look = () => {
      if (shown.current.select(store.value) !== shown.current.selected) render(undefined);
    };
    // It may have changed between rendering and now.
    look();
    return store.subscribe(look);
  }, [store]);
  return selected;
}
