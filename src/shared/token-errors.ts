/** The rows of ERRORS (shared/errors) about PKCS#11 tokens. `{token}` is the token's label, `{what}` a call with its CKR_ value. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "token", retryable, ko, en }) as const;

export const TOKEN_ERRORS = {
  TOKEN_MODULE_MISSING: row(
    false,
    "보안 토큰 {token}의 PKCS#11 모듈을 열 수 없습니다: {what}. ecustation doctor로 부족한 것을 확인하십시오.",
    "The PKCS#11 module of token {token} cannot be loaded: {what}. ecustation doctor says what is missing.",
  ),
  TOKEN_ABSENT: row(
    true,
    "보안 토큰 {token}이(가) 없습니다 ({what}). 토큰을 연결하면 다시 동작합니다.",
    "Token {token} is not there ({what}). It is used again as soon as it is back.",
  ),
  TOKEN_PIN_REFUSED: row(
    false,
    "보안 토큰 {token}이(가) PIN을 거부했습니다 ({what}). PIN 파일을 고칠 때까지 다시 시도하지 않습니다.",
    "Token {token} refused the PIN ({what}). It is not tried again before the PIN file is changed.",
  ),
  TOKEN_KEY_MISSING: row(
    false,
    "보안 토큰 {token}에 필요한 키가 없습니다: {what}. 설정의 토큰과 키를 확인하십시오.",
    "Token {token} does not hold the key: {what}. Check token and key in the configuration.",
  ),
  TOKEN_FAILED: row(
    true,
    "보안 토큰 {token}에 오류가 있습니다 ({what}). 토큰을 확인하십시오. 정상이 되면 다시 사용됩니다.",
    "Token {token} failed ({what}). Check it; it is used again as soon as it works.",
  ),
  TOKEN_TIMEOUT: row(
    true,
    "보안 토큰 {token}이(가) {ms} ms 안에 응답하지 않습니다 ({what}). 토큰의 연결을 확인하십시오. 정상이 되면 다시 사용됩니다.",
    "Token {token} gave no answer within {ms} ms ({what}). Check its connection; it is used again as soon as it answers.",
  ),
  TOKEN_BUSY: row(
    true,
    "보안 토큰 {token}이(가) 바쁩니다 ({what}). 잠시 후 다시 시도하십시오.",
    "Token {token} is busy ({what}). Try again in a while.",
  ),
};
