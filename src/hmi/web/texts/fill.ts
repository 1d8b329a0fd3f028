/** Puts values in the places (`{name}`) of a text. Pure. */
export type Values = Readonly<Record<string, string | number>>;

export const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
