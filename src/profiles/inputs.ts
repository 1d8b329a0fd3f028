/** Inputs of a profile: which are needed, what they may be, and where they are put in. */
import { StationError } from "../shared/errors.js";
import type { Profile, ProfileInput } from "./schema.js";

const REFERENCE = /\$\{([^}]*)\}/g;

/** Names of the inputs that `${…}` of a text names, in their order. */
export function referencedInputs(template: string): string[] {
  return [...template.matchAll(REFERENCE)].map((match) => match[1] ?? "");
}

/** `template` with every `${input}` replaced. @throws StationError INPUT_MISSING */
export function fillTemplate(template: string, inputs: Readonly<Record<string, string>>): string {
  return template.replace(REFERENCE, (_, name: string) => {
    const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (value === undefined) throw new StationError("INPUT_MISSING", { details: { what: name } });
    return value;
  });
}

/** True where `value` as a whole matches the input's pattern. */
export function inputMatches(input: ProfileInput, value: string): boolean {
  return new RegExp(`^(?:${input.pattern})$`, "u").test(value);
}

/**
 * The inputs given, checked, with the defaults of the others.
 * @throws StationError INPUT_INVALID for a name that the profile has not, or a value that its pattern refuses
 */
export function checkInputs(profile: Profile, given: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const input = profile.inputs.find((entry) => entry.name === name);
    if (input === undefined) {
      const names = profile.inputs.map((entry) => entry.name).join(", ");
      const what = `${name}: profile ${profile.name} has no such input (it has ${names || "none"})`;
      throw new StationError("INPUT_INVALID", { details: { what } });
    }
    if (!inputMatches(input, value)) {
      const what = `${name}: ${JSON.stringify(value)} is not like ${input.pattern}`;
      throw new StationError("INPUT_INVALID", { details: { what } });
    }
    result[name] = value;
  }
  for (const input of profile.inputs) {
    if (result[input.name] === undefined && input.default !== undefined) result[input.name] = input.default;
  }
  return result;
}

/** Names of inputs that have neither a value nor a default, in the profile's order. */
export function missingInputs(profile: Profile, given: Readonly<Record<string, string>>): string[] {
  return profile.inputs
    .filter((input) => !Object.hasOwn(given, input.name) && input.default === undefined)
    .map((input) => input.name);
}

const LETTERS_AND_DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";

/**
 * A value made of the input's sample: `#` becomes a digit, `@` a letter or digit without I, O and Q.
 * @param random whole number from 0 to below its argument
 */
export function sampleValue(input: ProfileInput, random: (below: number) => number): string {
  return input.sample.replace(/[#@]/g, (mark) =>
    mark === "#" ? String(random(10)) : (LETTERS_AND_DIGITS[random(LETTERS_AND_DIGITS.length)] ?? "0"),
  );
}
