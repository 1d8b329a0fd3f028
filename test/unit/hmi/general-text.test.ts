import { expect, it } from "vitest";
import { generalText } from "../../../src/hmi/api/routes/general-text.js";
import { ERRORS } from "../../../src/shared/errors.js";

it("a code's text has no holes where the details of one case would stand", () => {
  expect(generalText("KMS_UNREACHABLE").en).toBe("The key server (KMS) cannot be reached. Check it, then start again.");
  expect(generalText("PKI_UNREADABLE").ko).toBe("인증서 데이터를 읽을 수 없습니다. 관리자에게 알리십시오.");
  expect(generalText("VPKI_REJECTED").en).toMatch(/^The certificate server refused the request\. /);
  for (const code of Object.keys(ERRORS)) {
    const { ko, en } = generalText(code);
    for (const text of [ko, en]) expect([code, text]).toEqual([code, expect.stringMatching(/^[^{}]{4,}[^:({]$/)]);
  }
});

it("a code that an older program knew is its own text", () => {
  expect(generalText("OLD_CODE")).toEqual({ ko: "OLD_CODE", en: "OLD_CODE" });
});
