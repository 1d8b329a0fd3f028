/**
 * The check character of e-mobility identifiers: eMAID (ISO 15118-2 annex H) and, by the same rule one place longer, PCID
 * (VDE-AR-E 2802-100-1). It tells any single wrong character, and two that changed places.
 */

/** The characters by their value. */
const CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/**
 * A value is four digits (q1 q2 base 2, r1 r2 base 3). The i-th character's q is multiplied by P1^i, its r by P2^i, with
 * P1 = (0 1; 1 1) modulo 2 and P2 = (0 1; 1 2) modulo 3; both sums of a right identifier are zero. Summed from the end (Horner).
 */
function isRight(text: string): boolean {
  let [q1, q2, r1, r2] = [0, 0, 0, 0];
  for (const character of [...text].reverse()) {
    const value = CHARACTERS.indexOf(character);
    const [q, r] = [Math.floor(value / 9), value % 9];
    [q1, q2] = [q1 + (q >> 1), q2 + (q & 1)];
    [q1, q2] = [q2 % 2, (q1 + q2) % 2];
    [r1, r2] = [r1 + Math.floor(r / 3), r2 + (r % 3)];
    [r1, r2] = [r2 % 3, (r1 + 2 * r2) % 3];
  }
  return q1 === 0 && q2 === 0 && r1 === 0 && r2 === 0;
}

/**
 * The character that belongs behind `text`, upper case.
 * @param text letters A–Z of any letter case and digits
 */
export function checkCharacter(text: string): string {
  const upper = text.toUpperCase();
  return [...CHARACTERS].find((last) => isRight(upper + last)) ?? "";
}
