// Hands a mail to a mail server by SMTP, as another mail server would, and tells each answer.
import SMTPConnection from 'nodemailer/lib/smtp-connection';

const TIMEOUT_MS = 60_000;

export interface SmtpEnvelope {
  /** Empty for a bounce. */
  from: string;
  to: string | string[];
}

/** The server's last answer, such as `250 2.0.0 OK`; also where it is a refusal. */
export async function deliverBySmtp(
  port: number,
  { from, to }: SmtpEnvelope,
  raw: Buffer | string,
  { ca, requireTLS = false }: { ca?: string; requireTLS?: boolean } = {},
): Promise<string> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port,
    name: 'mail.outside.test',
    ...(ca === undefined && !requireTLS ? { ignoreTLS: true } : { requireTLS, tls: { ca, servername: 'localhost' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.connect((error) => (error ? reject(error) : resolve()));
    });
    return await new Promise<string>((resolve, reject) => {
      connection.once('error', reject);
      connection.send({ from, to: [to].flat() }, raw, (error, info) => {
        if (error) return reject(error);
        return resolve(info.response);
      });
    });
  } catch (error) {
    const { response } = error as { response?: string };
    if (response === undefined) throw error;
    return response;
  } finally {
    connection.close();
  }
}
