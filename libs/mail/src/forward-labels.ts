// The words by which mail programs label the header lines that they put over a forwarded mail, in the languages people write.

export type ForwardField = 'from' | 'date' | 'to' | 'cc' | 'subject' | 'message-id' | 'other';

const WORDS: Readonly<Record<ForwardField, string>> = {
  from: 'from|von|de|da|van|från|fra|lähettäjä|od|feladó|kimden|gönderen|от|від|από|发件人|寄件者|寄件人|差出人|送信者|보낸사람|보낸 사람',
  date:
    'date|sent|gesendet|datum|gesendet am|envoyé|fecha|enviado|enviado el|enviada|enviada em|enviado em|data|inviato|data invio|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|' +
    'wysłano|wysłane|odesláno|odoslané|dátum|küldve|elküldve|tarih|gönderilme|gönderildi|дата|отправлено|надіслано|ημερομηνία|στάλθηκε|发送时间|日期|时间|傳送時間|送信日時|日時|보낸날짜|보낸 날짜|날짜',
  to: 'to|an|à|a|para|aan|till|til|vastaanottaja|do|komu|címzett|kime|alıcı|кому|προς|收件人|收件者|宛先|받는사람|받는 사람',
  cc: 'cc|kopie|copie|copie à|copia|cópia|kopi|kopia|kopio|dw|másolatot kap|bilgi|копия|копія|κοιν|抄送|副本|参照|참조',
  subject:
    'subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|predmet|tárgy|konu|тема|θέμα|主题|主題|件名|제목',
  'message-id': 'message-id|nachrichten-id|id de message',
  other:
    'reply-to|antwort an|répondre à|responder a|rispondi a|sender|organization|attachments|anlagen|pièces jointes|importance|priority|bcc|user-agent',
};

const FIELDS = new Map(
  Object.entries(WORDS).flatMap(([field, words]) => words.split('|').map((word) => [word, field as ForwardField] as const)),
);

const MAX_LINE_LENGTH = 2_000;
/** Emphasis that stands around a label where HTML was made into text. */
const LABELLED = /^[\s*_|\u200e\u200f]{0,10}([\p{L}][\p{L}\p{M} -]{0,24}?)[*_ \u00a0]{0,4}[:：][*_]{0,3}(.*)$/u;

/** The field that a line gives, and its value; undefined where it is no header line. */
export function labelled(line: string): { field: ForwardField; value: string } | undefined {
  const found = LABELLED.exec(line.slice(0, MAX_LINE_LENGTH));
  const field = FIELDS.get((found?.[1] ?? '').toLowerCase().normalize('NFC'));
  return field && { field, value: found![2]!.trim() };
}
