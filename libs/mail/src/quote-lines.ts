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
  'oprindelig besked',
  'videresendt besked',
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

const FROM =
  'from von de da van från fra lähettäjä od feladó kimden от від kontaktas 发件人 寄件者 寄件人 差出人 送信者 보낸사람 πρoς από'.split(' ');
const OTHERS = (
  'sent date to subject cc gesendet datum an betreff kopie envoyé date à a objet enviado el fecha para asunto enviada data assunto inviato oggetto verzonden aan onderwerp skickat till ämne sendt til emne dato ' +
  'lähetetty vastaanottaja päivämäärä aihe wysłano do temat odesláno komu předmět elküldve címzett tárgy tarih gönderilme kime konu дата отправлено кому тема надіслано 发送时间 日期 收件人 主题 主題 傳送時間 收件者 送信日時 宛先 件名 ' +
  'reply-to organization'
).split(' ');
const FROM_LABELS = new Set(FROM);
const OTHER_LABELS = new Set(OTHERS);

/** A quoted line: `> ..`. What a mail's own text says is escaped so in mbox files: `>From ..`. */
export function isQuoted(line: string): boolean {
  return /^[ \t\u00a0]{0,20}>/.test(line) && !line.startsWith('>From ');
}

/** A line that says that another mail starts: "-----Original Message-----", in many languages. */
export function isMark(line: string): boolean {
  if (line === '' || line.length > MAX_MARK_LENGTH) return false;
  const words = line
    .toLowerCase()
    .replace(/^[\s\-_*=—–~#+]{1,300}/, '')
    .replace(/[\s\-_*=—–~#+:：]{1,300}$/, '');
  return (
    MARKS.has(words) ||
    (/^\s*-{2,}/.test(line) && /^(?:forwarded by|forwarded message from|original message from|weitergeleitet von)\b/.test(words))
  );
}

/** Gives whether a From line with two more header lines right behind it stands at a line, as Outlook and forwards put before what they repeat. Each line is read once. */
export function innerHeadersIn(lines: readonly string[]): (at: number) => boolean {
  const labels: (string | undefined)[] = [];
  const labelAt = (at: number) => (labels[at] ??= labelOf(lines[at] ?? ''));
  return (at) => {
    if (!FROM_LABELS.has(labelAt(at))) return false;
    let others = 0;
    for (let next = at + 1; next < at + INNER_HEADER_LINES; next++) if (OTHER_LABELS.has(labelAt(next))) others++;
    return others >= 2;
  };
}

function labelOf(line: string): string {
  if (line === '') return '';
  const label = /^[\s*_>|]{0,10}([\p{L}][\p{L}\p{M} -]{0,20}?)[*_ \u00a0]{0,4}[:：]/u.exec(line.slice(0, MAX_MARK_LENGTH))?.[1];
  return label === undefined ? '' : label.toLowerCase();
}
