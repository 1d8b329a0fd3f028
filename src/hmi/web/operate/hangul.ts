/** What a keyboard in Hangul mode (two-set, KS X 5002) made of a scanner's keys, made into those keys' Latin letters again. Pure. */

/** Keys of the jamo in Unicode's order; a capital is the key with Shift, where that is another jamo. */
const LEADS = "r R s e E f a q Q t T d w W c z x v g".split(" ");
const VOWELS = "k o i O j p u P h hk ho hl y n nj np nl b m ml l".split(" ");
const TAILS = ["", ..."r R rt s sw sg e f fr fa fq ft fx fv fg a q qt t T d w c z x v g".split(" ")];
const CONSONANTS = "r R rt s sw sg e E f fr fa fq ft fx fv fg a q Q qt t T d w W c z x v g".split(" ");

/** First of the syllables, and of the jamo that stand alone. */
const SYLLABLE = 0xac00;
const SYLLABLES = LEADS.length * VOWELS.length * TAILS.length;
const JAMO = 0x3131;
const ALONE = [...CONSONANTS, ...VOWELS];

/** The keys of one character; undefined where it is no Hangul. */
function keysOf(character: string): string | undefined {
  const code = character.codePointAt(0) ?? 0;
  const place = code - SYLLABLE;
  if (place < 0 || place >= SYLLABLES) return ALONE[code - JAMO];
  const [lead, rest] = [Math.floor(place / (VOWELS.length * TAILS.length)), place % (VOWELS.length * TAILS.length)];
  return [LEADS[lead], VOWELS[Math.floor(rest / TAILS.length)], TAILS[rest % TAILS.length]].join("");
}

/** A letter or digit key as it was pressed, whatever the input method makes of it; empty for all other keys. */
export function latinKey(code: string, shifted: boolean): string {
  const letter = /^Key([A-Z])$/.exec(code)?.[1] ?? "";
  return shifted ? letter : letter.toLowerCase();
}

const letters = (text: string) => text.replace(/[^A-Za-z]/g, "");

/**
 * A field's text with its Hangul as Latin letters; any other text as it stands. Most jamo do not tell whether Shift was held: `pressed`
 * does (latinKey of each key, in their order); where it is about another text, the letters are capitals, as labels have them.
 */
export function asLatin(text: string, pressed: string): string {
  const keys = Array.from(text, (character) => keysOf(character) ?? character).join("");
  if (keys === text) return text;
  const known = letters(keys).toLowerCase() === pressed.toLowerCase() ? pressed : letters(keys).toUpperCase();
  let index = 0;
  return keys.replace(/[A-Za-z]/g, () => known[index++] ?? "");
}
