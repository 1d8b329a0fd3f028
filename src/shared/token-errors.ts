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
  TOKEN_MECHANISM_MISSING: row(
    false,
    "보안 토큰 {token}에 필요한 기능이 없습니다: {what}. 프로파일의 mechanisms를 고치거나 다른 토큰을 사용하십시오. 유닛은 변경되지 않았습니다.",
    "Token {token} cannot do what the profile asks for: {what}. Change the profile's mechanisms or use another token. The unit was not touched.",
  ),
  TOKEN_OBJECTS_INVALID: row(
    false,
    "보안 토큰 {token}에 있는 이 유닛의 객체를 사용할 수 없습니다: {what}. 다른 프로그램이 변경했는지 확인하고 해당 슬롯의 객체를 정리하십시오.",
    "The objects of this unit in token {token} cannot be used: {what}. Find out which program changed them, and clear that slot's objects.",
  ),
  TOKEN_FULL: row(
    false,
    "보안 토큰 {token}의 저장 공간이 부족합니다 ({what}). 더 이상 필요 없는 유닛의 객체를 삭제하십시오.",
    "Token {token} has no room left ({what}). Delete the objects of units that are no longer needed.",
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
