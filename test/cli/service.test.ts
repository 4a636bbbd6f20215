/**
 * What `stele service` does to a machine, on a machine that only records it, and the unit as systemd
 * itself judges it where its tools are installed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfigFile } from '../../src/app/config/file.js';
import type { ServiceHost } from '../../src/app/service/host.js';
import { installService } from '../../src/app/service/manage.js';
import { renderUnit, SERVICE_PATHS } from '../../src/app/service/unit.js';
import { runServiceAction } from '../../src/cli/service.js';

const program = { node: '/usr/bin/node', script: '/usr/lib/node_modules/stele/stele.js' };

interface Machine extends ServiceHost {
  readonly steps: string[];
  readonly files: Map<string, string>;
}

interface MachineOptions {
  readonly files?: readonly string[];
  readonly answers?: readonly boolean[];
  /** What `systemctl` prints. */
  readonly output?: string;
  /** Its command that fails. */
  readonly fails?: string;
}

function recordingMachine(options: MachineOptions = {}): Machine {
  const files = new Map((options.files ?? []).map((file) => [file, 'old']));
  const answers = [...(options.answers ?? [])];
  const steps: string[] = [];
  return {
    steps,
    files,
    exists: (file) => files.has(file),
    makeDirectory: async (directory, mode) => {
      steps.push(`mkdir ${directory} ${mode.toString(8)}`);
    },
    writeFile: async (file, content, mode) => {
      files.set(file, content);
      steps.push(`write ${file} ${mode.toString(8)}`);
    },
    remove: async (file) => {
      files.delete(file);
      steps.push(`remove ${file}`);
    },
    run: async (command, args) => {
      steps.push([command, ...args].join(' '));
      return { code: args[0] === options.fails ? 5 : 0, output: options.output ?? '' };
    },
    confirm: async (question) => {
      steps.push(question);
      return answers.shift();
    },
  };
}

async function service(args: readonly string[], machine: ServiceHost, isRoot = true) {
  let [out, err] = ['', ''];
  const context = {
    env: {},
    cwd: '/',
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    script: fileURLToPath(import.meta.url),
    loadServer: () => assert.fail('no server is wanted'),
  };
  const code = await runServiceAction(args, context, machine, isRoot);
  return { code, out, err };
}

const linuxOnly = { skip: process.platform !== 'linux' };

test('installing writes configuration, password and unit, and starts the service', async () => {
  const machine = recordingMachine();
  assert.deepEqual(await installService(machine, program), { madePassword: true });
  assert.deepEqual(machine.steps, [
    'mkdir /etc/stele 755',
    'write /etc/stele/stele.toml 644',
    'write /etc/stele/admin-password 600',
    'write /etc/systemd/system/stele.service 644',
    'systemctl daemon-reload',
    'systemctl enable --now stele',
  ]);
  const config = parseConfigFile(machine.files.get(SERVICE_PATHS.config) ?? '', 'stele.toml');
  assert.deepEqual(
    [...config].map(([name, { text }]) => [name, text]),
    [
      ['dir', '/var/lib/stele'],
      ['logFile', '/var/log/stele/stele.log'],
    ],
  );
  const password = machine.files.get(SERVICE_PATHS.adminPassword) ?? '';
  for (const expected of [/^.{24}\n$/, /[a-z]/, /[A-Z]/, /\d/, /[-_.+=]/]) {
    assert.match(password, expected);
  }
});

test('installing again keeps configuration and password', async () => {
  const machine = recordingMachine({ files: [SERVICE_PATHS.config, SERVICE_PATHS.adminPassword] });
  assert.deepEqual(await installService(machine, program), { madePassword: false });
  assert.equal(machine.files.get(SERVICE_PATHS.config), 'old');
  assert.equal(machine.files.get(SERVICE_PATHS.adminPassword), 'old');
  assert.ok(machine.steps.includes('write /etc/systemd/system/stele.service 644'));
});

test('a program in a home directory, which the service could not see, is not installed', async () => {
  for (const node of ['/home/me/.nvm/bin/node', '/root/node']) {
    const machine = recordingMachine();
    await assert.rejects(installService(machine, { ...program, node }), {
      code: 'serviceFailed',
      message: /lives in a home directory/,
    });
    assert.deepEqual(machine.steps, []);
  }
});

test('a step that fails ends the installation with its name', async () => {
  await assert.rejects(installService(recordingMachine({ fails: 'enable' }), program), {
    code: 'serviceFailed',
    message: 'systemctl enable --now stele failed with exit code 5',
  });
});

test('the unit starts what is installed, with the password as a credential, confined', () => {
  const unit = renderUnit(program);
  for (const line of [
    'ExecStart=/usr/bin/node /usr/lib/node_modules/stele/stele.js --config /etc/stele/stele.toml ' +
      '--admin-password-file $' +
      '{CREDENTIALS_DIRECTORY}/admin-password',
    'LoadCredential=admin-password:/etc/stele/admin-password',
    'DynamicUser=yes',
    'StateDirectory=stele',
    'LogsDirectory=stele',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'CapabilityBoundingSet=',
    'SystemCallFilter=@system-service',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX',
    'LimitNOFILE=65536',
    'Restart=on-failure',
  ]) {
    assert.ok(unit.includes(`\n${line}\n`), line);
  }
  assert.ok(!unit.includes('MemoryDenyWriteExecute'), 'the compiler of Node needs writable code');
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) >= 30);
});

test('nothing in a path is expanded or split by systemd', () => {
  const script = '/opt/a b/100%/$HOME/"x"/\\.js';
  assert.ok(
    renderUnit({ ...program, script }).includes(
      'ExecStart=/usr/bin/node "/opt/a b/100%%/$$HOME/\\"x\\"/\\\\.js" --config',
    ),
  );
});

test('systemd finds nothing wrong with the unit and calls it well confined', {
  skip: spawnSync('systemd-analyze', ['--version']).status !== 0,
}, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'stele-unit-'));
  try {
    const file = path.join(directory, 'stele.service');
    writeFileSync(file, renderUnit({ node: process.execPath, script: '/opt/stele/stele.js' }));
    const analyze = (...args: string[]) =>
      spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    const verified = analyze('verify', '--man=no');
    assert.equal(`${verified.stdout}${verified.stderr}`, '');
    assert.equal(verified.status, 0);
    const security = analyze('security', '--offline=true', '--no-pager').stdout;
    const exposure = Number(/exposure level for stele\.service: ([\d.]+)/.exec(security)?.[1]);
    assert.ok(exposure <= 2, security);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the unit and the steps can be printed without doing or needing anything', async () => {
  const machine = recordingMachine();
  const printed = await service(['install', '--print'], machine, false);
  assert.match(printed.out, /^# Written by stele service install/);
  const dry = await service(['install', '--dry-run'], machine, false);
  assert.equal(dry.code, 0);
  assert.match(dry.out, /^make directory \/etc\/stele \(0755\)$/m);
  assert.match(dry.out, /^run systemctl enable --now stele$/m);
  const [, afterPassword = ''] = dry.out.split('admin-password (0600)\n');
  assert.match(afterPassword, /^write \/etc\/systemd/, 'the password is not printed');
  const erase = await service(['uninstall', '--erase-data', '--dry-run'], machine, false);
  assert.match(erase.out, /^remove \/var\/lib\/stele$/m);
  assert.deepEqual(machine.steps, []);
});

test(
  'uninstalling asks, stops and removes, and keeps the data unless told otherwise',
  linuxOnly,
  async () => {
    const files = [SERVICE_PATHS.unit];
    const kept = recordingMachine({ files, answers: [true, false] });
    const { code, err } = await service(['uninstall'], kept);
    assert.equal(code, 0);
    assert.equal(err, 'No data removed\nProgram files removed\n');
    assert.deepEqual(kept.steps, [
      'Are you sure you want to uninstall stele?',
      'Erase data?',
      'systemctl disable --now stele',
      'remove /etc/systemd/system/stele.service',
      'systemctl daemon-reload',
    ]);
    const erased = recordingMachine({ files, answers: [true, true] });
    await service(['uninstall'], erased);
    assert.deepEqual(
      erased.steps.filter((step) => step.startsWith('remove')),
      [
        'remove /etc/systemd/system/stele.service',
        'remove /var/lib/private/stele',
        'remove /var/log/private/stele',
        'remove /var/lib/stele',
        'remove /var/log/stele',
        'remove /etc/stele',
      ],
    );
  },
);

test('without a yes, or anybody to give it, nothing is uninstalled', linuxOnly, async () => {
  const files = [SERVICE_PATHS.unit];
  const no = recordingMachine({ files, answers: [false] });
  const { code, err } = await service(['uninstall'], no);
  assert.deepEqual([code, err], [1, 'Canceled\n']);
  assert.ok(no.exists(SERVICE_PATHS.unit));
  const nobody = recordingMachine({ files });
  await assert.rejects(service(['uninstall'], nobody), { name: 'UsageError', message: /--yes/ });
  assert.ok(nobody.exists(SERVICE_PATHS.unit));
  const beforehand = recordingMachine({ files });
  assert.equal((await service(['uninstall', '--yes'], beforehand)).code, 0);
  assert.ok(!beforehand.steps.includes('Erase data?'));
});

test('the status is told in words and by the exit code', linuxOnly, async () => {
  const cases: [string, number, string][] = [
    ['LoadState=loaded\nActiveState=active\nMainPID=77\n', 0, 'Service (pid  77) is running...\n'],
    ['LoadState=loaded\nActiveState=failed\nMainPID=0\n', 1, 'Service is stopped\n'],
    ['LoadState=not-found\nActiveState=inactive\n', 1, 'Service is not installed\n'],
  ];
  for (const [output, code, text] of cases) {
    const result = await service(['status'], recordingMachine({ output }), false);
    assert.deepEqual([result.code, result.out], [code, text]);
  }
});

test('starting, stopping and restarting go through systemctl, as root', linuxOnly, async () => {
  for (const action of ['start', 'stop', 'restart']) {
    const machine = recordingMachine();
    assert.equal((await service([action], machine)).code, 0);
    assert.deepEqual(machine.steps, [`systemctl ${action} stele`]);
    await assert.rejects(service([action], machine, false), { message: /root user privileges/ });
    await assert.rejects(service([action], recordingMachine({ fails: action })), {
      code: 'serviceFailed',
    });
  }
});

test('unknown actions and options are refused', async () => {
  const machine = recordingMachine();
  for (const [args, expected] of [
    [[], /expected one of install, /],
    [['instal'], /did you mean install\?/],
    [['constructor'], /expected one of/],
    [['install', '--prnt'], /unknown option --prnt \(did you mean --print\?\)/],
    [['start', '--yes'], /unknown option --yes/],
  ] as const) {
    await assert.rejects(service(args, machine), { name: 'UsageError', message: expected });
  }
  assert.deepEqual(machine.steps, []);
});
