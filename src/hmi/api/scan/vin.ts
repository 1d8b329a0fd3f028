/** The check digit of a VIN (49 CFR 565.15, ISO 3779 leaves it to the region). Pure. */

/** Each letter has the value of its place in its row, counted from 1. */
const ROWS = ["ABCDEFGH", "JKLMN P R", " STUVWXYZ"] as const;
const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2] as const;
const PLACE = 8;

/** What stands at the ninth place of a VIN of 17 characters where it has a check digit. */
export function vinCheckDigit(vin: string): string {
  const sum = WEIGHTS.reduce<number>((total, weight, i) => {
    return total + weight * valueOfLetter(vin[i] ?? "");
  }, 0);
  const rest = sum % 11;
  return rest === 10 ? "X" : String(rest);
}

function valueOfLetter(character: string): number {
  const row = ROWS.find((letters) => letters.includes(character));
  return row === undefined ? Number(character) : row.indexOf(character) + 1;
}

export function hasRightCheckDigit(vin: string): boolean {
  return vin[PLACE] === vinCheckDigit(vin);
}
