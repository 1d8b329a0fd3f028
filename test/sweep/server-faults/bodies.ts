/** Answers whose body is not what the server said. */
import type { ExchangeFault } from "./faults.js";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface KmsBody {
  Records: Record<string, string>;
}

/** Flips the lowest bit of the first byte of a hex string. */
function flipped(hex: string): string {
  const first = Number.parseInt(hex.slice(0, 2), 16) ^ 1;
  return first.toString(16).padStart(2, "0") + hex.slice(2);
}

function changed(body: string, field: string): string {
  const json = JSON.parse(body) as KmsBody;
  const value = json.Records[field];
  if (value === undefined) throw new Error(`no ${field} in ${body}`);
  json.Records[field] = flipped(value);
  return JSON.stringify(json);
}

/** @param other an answer to the same request by another unit */
export function answerWrongly(fault: ExchangeFault, answer: Answer, other: string | undefined): Answer {
  const { body } = answer;
  switch (fault) {
    case "not-json":
      return { ...answer, body: "<html><body>Bad Gateway</body></html>" };
    case "wrong-schema":
      return { ...answer, body: '{"unexpected":true}' };
    case "other-uid":
      return { ...answer, body: changed(body, "M1") };
    case "wrong-m4":
      return { ...answer, body: changed(body, "M4") };
    case "wrong-value":
      return { ...answer, body: changed(body, "KeySyncValue") };
    case "other-leaf":
      if (other === undefined) throw new Error("no other unit has a leaf");
      return { ...answer, body: other };
    default:
      throw new Error(`${fault} is no fault of a body`);
  }
}
