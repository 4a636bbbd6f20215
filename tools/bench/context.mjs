import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Client, Echo, Stele } from './processes.mjs';
import { judged } from './report.mjs';

/** What the scenarios of a run share. */
export class Context {
  /** @type {import('./report.mjs').Row[]} */
  rows = [];
  client;
  echo;
  #options;
  #scenario = '';
  #servers = 0;

  /**
   * @param {object} options
   * @param {string} options.dir folder of the run, removed at its end
   * @param {string} options.script the server's program
   * @param {boolean} options.quick
   * @param {number} options.seconds of each figure
   * @param {'grpc' | 'http2'} options.clientKind
   * @param {boolean} options.profile whether servers write profiles of their processor time
   * @param {(text: string) => void} options.progress
   */
  constructor(options) {
    this.#options = options;
  }

  async start() {
    this.client = new Client();
    this.echo = await Echo.start();
  }

  get quick() {
    return this.#options.quick;
  }

  get seconds() {
    return this.#options.seconds;
  }

  get clientKind() {
    return this.#options.clientKind;
  }

  /** @param {string} name */
  begin(name) {
    this.#scenario = name;
    this.#options.progress(`${name} ...`);
  }

  /** @param {Omit<import('./report.mjs').Row, 'met' | 'scenario'>} row */
  add(row) {
    this.rows.push(judged({ scenario: this.#scenario, ...row }));
  }

  /** A new folder for this run only. */
  folder(name) {
    const folder = path.join(this.#options.dir, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  remove(folder) {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.log`, { force: true });
  }

  /**
   * @param {string} dir data directory, which may be new
   * @param {string[]} flags of the server; by default without the audit stream, which has its own figures
   */
  startServer(dir, flags = ['--audit=false']) {
    const { script, profile } = this.#options;
    const name = `stele-${path.basename(dir)}-${++this.#servers}.cpuprofile`;
    const nodeArgs = profile ? ['--cpu-prof', `--cpu-prof-name=${name}`] : [];
    return Stele.start({ script, dir, nodeArgs, flags });
  }

  /** Runs `work` with a server on a data directory of its own, which is removed after. */
  async withServer(name, work, flags) {
    const dir = this.folder(name);
    const stele = await this.startServer(dir, flags);
    try {
      return await work(stele);
    } finally {
      await stele.stop();
      this.remove(dir);
    }
  }

  async end() {
    await Promise.all([this.client?.end(), this.echo?.end()]);
  }
}
