import { describe, expect, it } from "vitest";
import { koreanDetail } from "../../../src/shared/detail-texts.js";
import { StationError } from "../../../src/shared/errors.js";

describe("the Korean text of an error", () => {
  it.each([
    ["no interrupted run of bay A is there to go on with", "bay A에 이어서 할 작업이 없음"],
    [
      "kms.plant:8443: connect ECONNREFUSED 10.0.0.7:8443",
      "kms.plant:8443: 10.0.0.7:8443에 연결이 거부됨 (ECONNREFUSED)",
    ],
    ["a: no answer within 500 ms; b: no answer within 500 ms", "a: 500 ms 안에 응답 없음; b: 500 ms 안에 응답 없음"],
    ["KMHA instead of KMHB", "KMHB이(가) 아니라 KMHA"],
    ["set aside: profile evcc is another one now", "격리됨: 프로파일 evcc이(가) 그 사이에 바뀜"],
    ["2 results of 00a1", "00a1의 결과 2건"],
    ["F18C ECUSerialNumber is not ASCII text", "F18C ECUSerialNumber이(가) ASCII 문자가 아님"],
    [
      'systemName is "CCU", the profile expects ["BODY","BCM"]',
      'systemName이(가) "CCU"이고 프로파일은 ["BODY","BCM"]을(를) 요구함',
    ],
    ["it was on unit 00a1, this is 00a2", "00a1 유닛에 하던 작업인데 이 유닛은 00a2임"],
    ["M1 is for slot KEY_4 instead of KEY_5", "M1이 슬롯 KEY_5이(가) 아니라 KEY_4용임"],
    ["byte 5: sent 8f, read 00", "바이트 5: 송신 8f, 수신 00"],
    ["12 × responsePending, request limit 9000 ms", "처리 중 응답 12회, 요청 제한 시간 9000 ms"],
  ])("says %j in Korean", (english, korean) => {
    expect(koreanDetail(english)).toBe(korean);
    const { text, message } = new StationError("RUN_INTERRUPTED", { details: { what: english } });
    expect(text.ko).toContain(korean);
    expect(message).toContain(english);
  });

  it("leaves what it does not know as it is", () => {
    expect(koreanDetail("CKR_DEVICE_ERROR of C_Sign")).toBe("CKR_DEVICE_ERROR of C_Sign");
  });
});
