/** Numbers, times and identifiers as people read them. Pure but for the local time zone. */

const two = (value: number) => String(value).padStart(2, "0");

/** A duration of `ms` in seconds with two decimals, without its unit: `0.11`. */
export const seconds = (ms: number): string => (ms / 1000).toFixed(2);

/** A duration of `ms` as minutes and seconds: `00:07`. */
export function minutes(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  return `${two(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

/** Local time of day with seconds: `14:32:08`. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local date: `2026-11-22`. */
export function day(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export const dateAndTime = (at: number): string => `${day(at)} ${timeOfDay(at)}`;

/** A moment as programs write it, `2026-11-22T05:32:08.000Z`, as local date and time; anything else as it is. */
export function readable(value: string): string {
  const at = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? value : dateAndTime(at);
}

/** Midnight, local, of a day as `day` writes it; undefined for anything else. */
export function midnight(text: string): number | undefined {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  return new Date(Number(year), Number(month) - 1, Number(date)).getTime();
}

/** A long hexadecimal identifier in groups of eight; anything else as it is. */
export function grouped(id: string): string {
  return /^[0-9a-fA-F]{16,}$/.test(id) ? (id.match(/.{1,8}/g) ?? [id]).join(" ") : id;
}

/** Bytes of a message in pairs: `22 f1 90`. */
export const pairs = (hex: string): string => (hex.match(/.{1,2}/g) ?? []).join(" ");

/** A part of a whole as per cent with one decimal, without its unit; undefined of nothing. */
export const percent = (part: number, whole: number): string | undefined =>
  whole === 0 ? undefined : ((100 * part) / whole).toFixed(1);
