/**
 * Korean for what stands in English inside of operator texts (the `{what}` and its like): whole phrases, wherever they come in a value. What
 * no row knows stays as it is: names, numbers and what other programs say.
 */
const PHRASES: readonly (readonly [english: RegExp, korean: string])[] = [
  [/^no interrupted run of (.+) is there to go on with$/, "$1에 이어서 할 작업이 없음"],
  [/^set aside: /, "격리됨: "],
  [/^begun anew: /, "새로 시작함: "],
  [/its journal is of version (\S+), which this program does not read/, "이 프로그램이 읽지 못하는 저널 버전 $1"],
  [/profile (\S+) is another one now/, "프로파일 $1이(가) 그 사이에 바뀜"],
  [/this program plans profile (\S+) in another way/, "이 프로그램은 프로파일 $1을(를) 다른 순서로 처리함"],
  [/^(\d+) results of (\S+)$/, "$2의 결과 $1건"],
  [/^(\S+) instead of (\S+)$/, "$2이(가) 아니라 $1"],
  [/^bay (\S+), profile (\S+)$/, "베이 $1, 프로파일 $2"],
  [/^The key server refused the request: /, "키 서버가 요청을 거부함: "],
  [/^access was refused \((\d+)\): /, "접근이 거부됨 ($1): "],
  [/no answer within (\d+) ms/g, "$1 ms 안에 응답 없음"],
  [/connect ECONNREFUSED ([^\s;]+)/g, "$1에 연결이 거부됨 (ECONNREFUSED)"],
  [/wrong answer \((\d+)\): /g, "잘못된 응답 ($1): "],
  [
    /this station is not on its allow list, or not with this certificate or address/,
    "이 스테이션(인증서 또는 주소)이 서버의 허용 목록에 없음",
  ],
  [/(\d+) × responsePending, request limit (\d+) ms/, "처리 중 응답 $1회, 요청 제한 시간 $2 ms"],
  [/more than (\d+) × responsePending/, "처리 중 응답 $1회 초과"],
  [/ is not ASCII text/, "이(가) ASCII 문자가 아님"],
  [/ has (\d+) bytes, (\d+) wanted/, "이(가) $1바이트임 ($2바이트여야 함)"],
  [/there is no such file/g, "파일이 없음"],
  [/it may not be read/g, "읽기 권한이 없음"],
  [/: closed by us$/, ": 스테이션이 닫음"],
  [/^it came (\d+) s late$/, "$1초 늦게 도착함"],
  [/^(\d+) characters/, "$1자"],
  [/: is missing$/, ": 지정되지 않음"],
  [/^(\S+) is (".*"), the profile expects (.+)$/, "$1이(가) $2이고 프로파일은 $3을(를) 요구함"],
  [/^nobody$/, "없음"],
  [/^it was on unit (\S+), this is (\S+)$/, "$1 유닛에 하던 작업인데 이 유닛은 $2임"],
  [/a later run went on/, "그 뒤의 작업이 계속함"],
  [/^(.+) is (\S+), ordered is (\S+)$/, "$1이(가) $2이고 지시는 $3임"],
  [/^it reads back another one$/, "다른 인증서가 읽힘"],
  [/the slot holds no certificate/, "슬롯에 인증서가 없음"],
  [/the signature is not by the certified key/, "서명이 인증서의 키로 만든 것이 아님"],
  [/M1–M5 for slot (\S+) have the wrong lengths/, "슬롯 $1의 M1–M5 길이가 잘못됨"],
  [/M1 for slot (\S+) is for another ECU/, "슬롯 $1의 M1이 다른 ECU용임"],
  [/M1 is for slot (\S+) instead of (\S+)/, "M1이 슬롯 $2이(가) 아니라 $1용임"],
  [/^byte (\d+): sent (\S+), read (\S+)$/, "바이트 $1: 송신 $2, 수신 $3"],
  [/^(\d+) of (\d+) bytes$/, "$2바이트 중 $1바이트"],
  [/the connection was closed/, "연결이 닫힘"],
  [/^there is a user (\S+) already$/, "사용자 $1이(가) 이미 있음"],
  [/^the badge is another user's$/, "다른 사용자의 배지임"],
  [/(\d+) fresh keys were used before/, "새로 만든 키 $1개가 이미 쓰인 것임"],
];

/** The value of a detail for the Korean text. */
export function koreanDetail(value: string): string {
  return PHRASES.reduce((text, [english, korean]) => text.replace(english, korean), value);
}
