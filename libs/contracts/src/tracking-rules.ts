// The rules that decide whether a mail is tracked, each with its sentence for a person; shared by threading, API and console.

export const trackingRules = {
  root: 'It was sent from here, or somebody logged it.',
  pinned: 'Somebody put it into this conversation.',
  answers: 'It answers a mail that is logged.',
  contact: 'One of your contacts is on it, and its mailbox logs all mail of contacts.',
  text_unread: 'It went to other people than the mail it answers. Whether it quotes that mail decides, and is being looked at.',
  never_logged: 'Somebody on it is on the list of those whose mail is never logged. That list wins over everything.',
  unlogged: 'Somebody logged it, and somebody said that it was not meant to be logged.',
  split: 'Somebody said that it does not belong to the conversation it answers.',
  cut_subject: 'It answers a logged mail, but went to other people under another subject.',
  not_quoting: 'It answers a logged mail, but went to other people and quotes nothing of it.',
  internal: 'It answers a logged mail, but nobody except your own people is on it, and your settings do not log such mail.',
  behind_cut: 'It answers a mail that has left the logged conversation.',
  behind_unread: 'It answers a mail of which it is not known yet whether it belongs to the logged conversation.',
  no_chain: 'It does not say that it answers any mail.',
  no_tracked_ancestor: 'None of the mails that it says it answers is logged.',
  forgotten: 'It was deleted here, or taken off every timeline for over an hour. It does not come back.',
} as const satisfies Record<string, string>;

export type TrackingRule = keyof typeof trackingRules;
