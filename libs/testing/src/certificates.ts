// Makes a certificate authority for tests and server certificates that it signs.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

type CryptoKeyPair = webcrypto.CryptoKeyPair;

const DAY_MS = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface ServerCertificate {
  /** PEM: the server's certificate. */
  cert: string;
  /** PEM: its private key. */
  key: string;
}

export interface IssueOptions {
  notBefore?: Date;
  notAfter?: Date;
}

export interface TestCa {
  /** The authority's certificate as PEM: what a client must trust. */
  readonly pem: string;
  /** A certificate for host names or addresses; the first is its common name. */
  issue(names?: string[], options?: IssueOptions): Promise<ServerCertificate>;
}

/** Certificates are for these names and addresses unless others are asked for. */
export async function createTestCa(name = 'Rejoinder test authority', hosts = ['localhost', '127.0.0.1']): Promise<TestCa> {
  const keys = await newKeys();
  const subject = `CN=${name} ${randomBytes(4).toString('hex')}`;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: subject,
    keys,
    ...validity({}),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    pem: `${certificate.toString('pem')}\n`,
    issue: (names = hosts, options = {}) => issue(subject, keys, names, options),
  };
}

async function issue(issuer: string, authority: CryptoKeyPair, names: string[], options: IssueOptions): Promise<ServerCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${names[0]}`,
    issuer,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    ...validity(options),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}

const newKeys = (): Promise<CryptoKeyPair> => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** Positive and never the same: clients refuse two certificates of one issuer and number. */
const serial = (): string => `01${randomBytes(12).toString('hex')}`;

function validity({ notBefore, notAfter }: IssueOptions): Required<IssueOptions> {
  return { notBefore: notBefore ?? new Date(Date.now() - DAY_MS), notAfter: notAfter ?? new Date(Date.now() + 365 * DAY_MS) };
}
