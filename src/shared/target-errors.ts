/** The rows of ERRORS (shared/errors) about keys and certificates in a unit. `{name}` is the certificate's in the profile. */
const row = (ko: string, en: string) => ({ layer: "target", retryable: false, ko, en }) as const;

export const TARGET_ERRORS = {
  TARGET_KEY_REFUSED: row(
    "ECU가 슬롯 {slot}의 키를 거부했습니다 ({status}). 이전 키는 그대로 있습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 유닛을 격리하십시오.",
    "The ECU refused the key of slot {slot} ({status}). Its former key is untouched. Scan the same unit again; if it happens again, set the unit aside.",
  ),
  TARGET_KEY_MISMATCH: row(
    "슬롯 {slot}의 M4/M5가 일치하지 않습니다. 유닛을 격리하십시오.",
    "M4/M5 of slot {slot} do not match. Set the unit aside.",
  ),
  TARGET_SYNC_MISMATCH: row(
    "슬롯 {slot}의 키가 KMS의 키와 다릅니다. 유닛을 격리하십시오.",
    "The key in slot {slot} is not the KMS's. Set the unit aside.",
  ),
  TARGET_CSR_INVALID: row(
    "ECU가 만든 CSR이 올바르지 않습니다 ({name}: {what}). 유닛은 이전 인증서를 그대로 가지고 있습니다. 유닛을 격리하십시오.",
    "The ECU's certificate request is not right ({name}: {what}). Its former certificate is untouched. Set the unit aside.",
  ),
  TARGET_CERT_REFUSED: row(
    "ECU가 인증서를 거부했습니다 ({name}: {status}). 이전 인증서는 그대로 있습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 유닛을 격리하십시오.",
    "The ECU refused the certificate ({name}: {status}). Its former one is untouched. Scan the same unit again; if it happens again, set the unit aside.",
  ),
  TARGET_CERT_MISMATCH: row(
    "ECU가 받아들인 인증서와 가지고 있는 인증서가 다릅니다 ({name}: {what}). 같은 유닛을 다시 스캔하고, 되풀이되면 유닛을 격리하십시오.",
    "The ECU took the certificate, but does not hold it ({name}: {what}). Scan the same unit again; if it happens again, set the unit aside.",
  ),
  TARGET_PROOF_FAILED: row(
    "ECU가 개인키를 증명하지 못했습니다 ({name}: {what}). 유닛을 격리하십시오.",
    "The ECU could not prove its private key ({name}: {what}). Set the unit aside.",
  ),
};
