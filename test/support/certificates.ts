import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { projectRoot } from './project.js';

/** What `tools/mtls/generate.sh` made. */
export class Certificates {
  readonly folder: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly authorities: string;

  /** @param days 0: they expire at once */
  constructor(folder: string, days = 2) {
    const script = path.join(projectRoot, 'tools/mtls/generate.sh');
    execFileSync('bash', [script, '--out', folder, '--days', String(days)], { stdio: 'pipe' });
    this.folder = folder;
    this.serverCertificate = path.join(folder, '3_application/certs/localhost.cert.pem');
    this.serverKey = path.join(folder, '3_application/private/localhost.key.pem');
    this.clientCertificate = path.join(folder, '4_client/certs/localhost.cert.pem');
    this.clientKey = path.join(folder, '4_client/private/localhost.key.pem');
    this.authorities = path.join(folder, '2_intermediate/certs/ca-chain.cert.pem');
  }

  /** The flags of a server that asks for client certificates. */
  get serverFlags(): string[] {
    const { serverCertificate, serverKey, authorities } = this;
    const files = ['--certificate', serverCertificate, '--pkey', serverKey];
    return ['--mtls', ...files, '--clientcas', authorities];
  }

  /** @param own whose certificate the client shows */
  channel(own: Certificates | 'none' = this): ChannelCredentials {
    const authorities = readFileSync(this.authorities);
    if (own === 'none') return credentials.createSsl(authorities);
    const [key, certificate] = [readFileSync(own.clientKey), readFileSync(own.clientCertificate)];
    return credentials.createSsl(authorities, key, certificate);
  }
}
