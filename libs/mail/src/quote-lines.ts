// The lines by which mail programs, in the languages people write, mark what they quote or forward.

/** A mark stands on a short line; longer ones are prose. */
const MAX_MARK_LENGTH = 300;
/** Lines of an inner header block looked at from its From line on. */
const INNER_HEADER_LINES = 8;

const MARKS = new Set([
  'original message',
  'forwarded message',
  'begin forwarded message',
  'forwarded by',
  'original appointment',
  'reply message',
  'original email',
  'forwarded email',
  'ursprüngliche nachricht',
  'originalnachricht',
  'original-nachricht',
  'weitergeleitete nachricht',
  'anfang der weitergeleiteten nachricht',
  'ursprüngliche mail',
  'ursprungliche nachricht',
  "message d'origine",
  'message d’origine',
  'message original',
  'message transféré',
  'message transmis',
  'début du message réexpédié',
  'début du message transféré',
  'message suivi',
  'mensaje original',
  'mensaje reenviado',
  'inicio del mensaje reenviado',
  'mensagem original',
  'mensagem encaminhada',
  'início da mensagem encaminhada',
  'início da mensagem reencaminhada',
  'messaggio originale',
  'messaggio inoltrato',
  'inizio messaggio inoltrato',
  'messaggio originario',
  'oorspronkelijk bericht',
  'oorspronkelijke bericht',
  'doorgestuurd bericht',
  'begin doorgestuurd bericht',
  'originalmeddelande',
  'ursprungligt meddelande',
  'vidarebefordrat meddelande',
  'oprindelig meddelelse',
  'original meddelelse',
  'videresendt meddelelse',
  'opprinnelig melding',
  'videresendt melding',
  'alkuperäinen viesti',
  'välitetty viesti',
  'oryginalna wiadomość',
  'wiadomość oryginalna',
  'wiadomość przekazana',
  'przekazana wiadomość',
  'původní zpráva',
  'přeposlaná zpráva',
  'pôvodná správa',
  'eredeti üzenet',
  'továbbított üzenet',
  'mesaj original',
  'mesaj redirecționat',
  'orijinal mesaj',
  'özgün ileti',
  'iletilen mesaj',
  'yönlendirilen ileti',
  'αρχικό μήνυμα',
  'προωθημένο μήνυμα',
  'исходное сообщение',
  'пересылаемое сообщение',
  'пересланное сообщение',
  'оригинальное сообщение',
  'вихідне повідомлення',
  'переслане повідомлення',
  '原始邮件',
  '原始郵件',
  '转发邮件信息',
  '转发的邮件',
  '轉寄郵件',
  '轉寄的郵件',
  '原邮件',
  '元のメッセージ',
  '転送されたメッセージ',
  '원본 메시지',
  '전달된 메시지',
]);

/** Words that end a line "On .. Joe wrote:"; the line also needs a digit or an address, since people write "I wrote:". */
const VERBS = [
  'wrote',
  'writes',
  'schrieb',
  'schrieben',
  'geschrieben',
  'a écrit',
  'écrit',
  'a ecrit',
  'escribió',
  'escribio',
  'escribe',
  'va escriure',
  'escreveu',
  'ha scritto',
  'scrisse',
  'schreef',
  'geschreven',
  'skrev',
  'skreiv',
  'skrifaði',
  'kirjoitti',
  'napisał',
  'napisał(a)',
  'napisała',
  'pisze',
  'napsal',
  'napsal(a)',
  'napísal',
  'napísal(a)',
  'írta',
  'ezt írta',
  'a scris',
  'yazdı',
  'şunu yazdı',
  'έγραψε',
  'написал',
  'написал(а)',
  'написала',
  'писал',
  'пишет',
  'написав',
  'пише',
  'написа',
  'napisao',
  'je napisao',
  'rašė',
  'rakstīja',
  'kirjutas',
  'viết',
  'đã viết',
  'menulis',
  '写道',
  '寫道',
  '写到',
  '写入',
  'のメール',
  '書きました',
  '작성',
  'が書きました',
];

const FROM =
  'from von de da van från fra lähettäjä od feladó kimden от від kontaktas 发件人 寄件者 寄件人 差出人 送信者 보낸사람 πρoς από'.split(' ');
const OTHERS = (
  'sent date to subject cc gesendet datum an betreff kopie envoyé date à a objet enviado el fecha para asunto enviada data assunto inviato oggetto verzonden aan onderwerp skickat till ämne sendt til emne dato ' +
  'lähetetty vastaanottaja päivämäärä aihe wysłano do temat odesláno komu předmět elküldve címzett tárgy tarih gönderilme kime konu дата отправлено кому тема надіслано 发送时间 日期 收件人 主题 主題 傳送時間 收件者 送信日時 宛先 件名 ' +
  'reply-to organization'
).split(' ');
/** Words such a line opens with. */
const OPENING = /^[-\s]{0,20}(?:on|am|le|den|op|el|il|em|no dia|w dniu|dnia|dne|pada|vào|a|på|в) /i;
/** Old Gmail in languages it had no words for: `2016-03-03 17:21 GMT+01:00 Joe <joe@host>:`. */
const DATED_ADDRESS = /^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.{0,200}<[^<>@\s]{1,64}@[^<>\s]{1,200}>:?$/;

const FROM_LABELS = new Set(FROM);
const OTHER_LABELS = new Set(OTHERS);

/** A quoted line (`> ..`), or one that says that another mail starts: "-----Original Message-----" in many languages. */
export function isQuoteMark(line: string): boolean {
  if (line === '') return false;
  const isQuoted = /^[ \t\u00a0]{0,20}>/.test(line);
  if (isQuoted) return !line.startsWith('>From '); // mbox files escape so what a mail's own text says
  if (line.length > MAX_MARK_LENGTH) return false;
  const words = line
    .toLowerCase()
    .replace(/^[\s\-_*=—–~#+]{1,300}/, '')
    .replace(/[\s\-_*=—–~#+:：]{1,300}$/, '');
  return (
    MARKS.has(words) ||
    (/^\s*-{2,}/.test(line) && /^(?:forwarded by|forwarded message from|original message from|weitergeleitet von)\b/.test(words))
  );
}

/**
 * "On Mon, 1 Jan, Joe <joe@host> wrote:", on one line or broken over two. Where the verb stands before the name ("Den 3. jan. skrev Joe:"),
 * an address or the opening word must stand there too.
 */
export function isAttribution(line: string, before: string): boolean {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.length > MAX_MARK_LENGTH) return false;
  if (DATED_ADDRESS.test(trimmed)) return true;
  const said = /^(.*?)(?:[:：]|[ \u00a0]-{2,10})$/.exec(trimmed)?.[1]?.trimEnd().toLowerCase();
  if (said === undefined) return false;
  const whole = before.length > MAX_MARK_LENGTH ? said : `${before.toLowerCase()} ${said}`;
  if (!/[\d@]/.test(whole)) return false;
  if (VERBS.some((verb) => said.endsWith(verb) && isWordStart(said, said.length - verb.length))) return true;
  return (
    (said.includes('@') || OPENING.test(said) || OPENING.test(before.trim())) && VERBS.some((verb) => ` ${whole} `.includes(` ${verb} `))
  );
}

/** A From line with two more header lines right behind it, as Outlook and forwards put before what they repeat. */
export function hasInnerHeader(lines: readonly string[]): boolean {
  const labels = lines.map(labelOf);
  return labels.some((label, at) => {
    if (!FROM_LABELS.has(label)) return false;
    const next = labels.slice(at + 1, at + INNER_HEADER_LINES);
    return next.filter((other) => OTHER_LABELS.has(other)).length >= 2;
  });
}

function labelOf(line: string): string {
  if (line === '') return '';
  const label = /^[\s*_>|]{0,10}([\p{L}][\p{L}\p{M} -]{0,20}?)[*_ \u00a0]{0,4}[:：]/u.exec(line.slice(0, MAX_MARK_LENGTH))?.[1];
  return label === undefined ? '' : label.toLowerCase();
}

/** Scripts without spaces have no word start: there any place will do. */
function isWordStart(text: string, at: number): boolean {
  return at === 0 || text.charCodeAt(at) > 0x2e80 || !/[\p{L}\d]/u.test(text.charAt(at - 1));
}
