/*
 * Preloaded into the server: makes the disk fail, hang, or lose power.
 *
 *   FAULT_DIR      files below this directory are meant
 *   FAULT_MATCH    of these, files whose path contains this text; without it all
 *   FAULT_CALLS    sync, write (through any descriptor), durable (writes through O_DSYNC) or any
 *   FAULT_NTH      the call that fails, from 1; 0 or absent: none
 *   FAULT_MODE     eio, enospc, torn (half is written, then EIO) or hang
 *   FAULT_ONWARD   1: all later calls fail too
 *   FAULT_GATE     calls count from when this file exists
 *   FAULT_LIE      1: a sync says that it was done and makes nothing durable
 *   FAULT_PLENTY   1: the file system says that all of its space is free
 *   FAULT_REPORT   file that gets a line when the fault happens: call, monotonic ns, path
 *   FAULT_UNDO     file that gets what a write replaced until a sync makes it durable; it says what a
 *                  loss of power may take back
 *
 * A sync that failed leaves its pages clean and lost, as Linux does: no later sync saves them.
 * System calls are made directly. 64-bit Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { SYNC = 1, WRITE = 2, DURABLE_WRITE = 4 };
enum mode { EIO_ONCE, ENOSPC_ONCE, TORN, HANG };

static const char *dir, *match, *gate, *report;
static int kinds, onward, lie, plenty, undo = -1;
static long nth;
static enum mode mode;
static atomic_long counted;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

__attribute__((constructor)) static void configure(void) {
  dir = setting("FAULT_DIR");
  match = setting("FAULT_MATCH");
  gate = setting("FAULT_GATE");
  report = setting("FAULT_REPORT");
  onward = setting("FAULT_ONWARD") != NULL;
  lie = setting("FAULT_LIE") != NULL;
  plenty = setting("FAULT_PLENTY") != NULL;
  const char *text = setting("FAULT_NTH");
  nth = text == NULL ? 0 : atol(text);
  text = setting("FAULT_CALLS");
  kinds = text == NULL || strcmp(text, "any") == 0 ? SYNC | WRITE
          : strcmp(text, "sync") == 0              ? SYNC
          : strcmp(text, "durable") == 0           ? DURABLE_WRITE
                                                   : WRITE;
  text = setting("FAULT_MODE");
  mode = text == NULL || strcmp(text, "eio") == 0 ? EIO_ONCE
         : strcmp(text, "enospc") == 0            ? ENOSPC_ONCE
         : strcmp(text, "torn") == 0              ? TORN
                                                  : HANG;
  text = setting("FAULT_UNDO");
  if (text != NULL) {
    undo = syscall(SYS_openat, AT_FDCWD, text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }
}

/* Whether a descriptor is of a file that is meant; gives its path. */
static int meant(int fd, char path[PATH_MAX]) {
  if (dir == NULL) return 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strncmp(path, dir, strlen(dir)) == 0;
}

static void tell(const char *call, const char *path) {
  if (report == NULL) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char line[PATH_MAX + 128];
  long long ns = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
  int length = snprintf(line, sizeof line, "%s %lld %s\n", call, ns, path);
  int fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, length);
  syscall(SYS_close, fd);
}

static int fails(int kind, const char *call, const char *path) {
  if (nth <= 0 || (kinds & kind) == 0) return 0;
  if (match != NULL && strstr(path, match) == NULL) return 0;
  if (gate != NULL && syscall(SYS_faccessat, AT_FDCWD, gate, F_OK) != 0) return 0;
  long number = atomic_fetch_add(&counted, 1) + 1;
  if (number != nth && !(onward && number > nth)) return 0;
  if (number == nth) tell(call, path);
  if (mode == HANG) {
    for (;;) pause();
  }
  return 1;
}

static int error_of_mode(void) { return mode == ENOSPC_ONCE ? ENOSPC : EIO; }

/* What may be taken back. */

enum { RECORD_WRITE = 1, RECORD_SYNC = 2, RECORD_LOST = 3 };

struct record {
  uint32_t kind;
  uint32_t path_bytes;
  uint64_t number;
  uint64_t offset;
  uint64_t bytes;
  uint64_t old_size;
  uint64_t old_bytes;
};

static pthread_mutex_t undo_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_number;
static int anything_lost;

#define FILES_MAX 256
static struct {
  ino_t inode;
  uint64_t unsynced; /* number of the last write, 0 when all is synced */
} files[FILES_MAX];

static int file_slot(ino_t inode) {
  for (int i = 0; i < FILES_MAX; i++) {
    if (files[i].inode == inode) return i;
    if (files[i].inode == 0) {
      files[i].inode = inode;
      return i;
    }
  }
  abort();
}

static void append(const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    ssize_t written = syscall(SYS_write, undo, at, count);
    if (written <= 0) abort();
    at += written;
    count -= written;
  }
}

static int is_durable(int fd) { return (syscall(SYS_fcntl, fd, F_GETFL) & O_DSYNC) != 0; }

static int is_journaled(int fd, const char *path) {
  return undo >= 0 && strstr(path, "data.mdb") != NULL && !is_durable(fd);
}

/* Whole pages, because a loss of power takes back whole pages. */
static void note_write(int fd, const char *path, uint64_t at, uint64_t count) {
  uint64_t offset = at & ~4095ULL;
  uint64_t bytes = ((at + count + 4095) & ~4095ULL) - offset;
  struct stat status;
  if (fstat(fd, &status) != 0) abort();
  char *old = malloc(bytes == 0 ? 1 : bytes);
  uint64_t read = 0;
  while (read < bytes) {
    ssize_t got = syscall(SYS_pread64, fd, old + read, bytes - read, offset + read);
    if (got <= 0) break;
    read += got;
  }
  pthread_mutex_lock(&undo_lock);
  struct record record = {RECORD_WRITE, strlen(path), ++last_number, offset, bytes, status.st_size, read};
  append(&record, sizeof record);
  append(path, record.path_bytes);
  append(old, read);
  files[file_slot(status.st_ino)].unsynced = record.number;
  pthread_mutex_unlock(&undo_lock);
  free(old);
}

static uint64_t sync_begins(void) {
  pthread_mutex_lock(&undo_lock);
  uint64_t number = last_number;
  pthread_mutex_unlock(&undo_lock);
  return number;
}

static void note_sync(int fd, const char *path, uint64_t upto, int lost) {
  struct stat status;
  if (fstat(fd, &status) != 0) abort();
  pthread_mutex_lock(&undo_lock);
  struct record record = {lost ? RECORD_LOST : RECORD_SYNC, strlen(path), upto, 0, 0, 0, 0};
  append(&record, sizeof record);
  append(path, record.path_bytes);
  int slot = file_slot(status.st_ino);
  if (lost) anything_lost = 1;
  else if (files[slot].unsynced <= upto) files[slot].unsynced = 0;
  int clean = !anything_lost;
  for (int i = 0; i < FILES_MAX && files[i].inode != 0; i++) {
    if (files[i].unsynced != 0) clean = 0;
  }
  if (clean) {
    syscall(SYS_ftruncate, undo, 0);
    syscall(SYS_lseek, undo, 0, SEEK_SET);
  }
  pthread_mutex_unlock(&undo_lock);
}

/* Syncs. */

static int sync_call(const char *call, long number, int fd) {
  char path[PATH_MAX];
  if (!meant(fd, path)) return syscall(number, fd);
  int journaled = is_journaled(fd, path);
  uint64_t upto = journaled ? sync_begins() : 0;
  if (fails(SYNC, call, path)) {
    if (journaled) note_sync(fd, path, upto, 1);
    errno = error_of_mode();
    return -1;
  }
  if (journaled && lie) return 0;
  int result = syscall(number, fd);
  if (journaled && result == 0) note_sync(fd, path, upto, 0);
  return result;
}

int fsync(int fd) { return sync_call("fsync", SYS_fsync, fd); }
int fdatasync(int fd) { return sync_call("fdatasync", SYS_fdatasync, fd); }

/* Writes. An offset of -1 is the position of the descriptor. */

static ssize_t vector_now(int fd, const struct iovec *iov, int count, off_t offset) {
  if (offset < 0) return syscall(SYS_writev, fd, iov, count);
  return syscall(SYS_pwritev, fd, iov, count, offset, 0);
}

static ssize_t write_call(const char *call, int fd, const struct iovec *iov, int count, off_t offset) {
  char path[PATH_MAX];
  if (!meant(fd, path)) return vector_now(fd, iov, count, offset);
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += iov[i].iov_len;
  if (is_journaled(fd, path)) {
    note_write(fd, path, offset < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : offset, bytes);
  }
  if (!fails(is_durable(fd) ? WRITE | DURABLE_WRITE : WRITE, call, path)) return vector_now(fd, iov, count, offset);
  if (mode == TORN) {
    size_t left = bytes / 2;
    for (int i = 0; i < count && left > 0; i++) {
      size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;
      struct iovec one = {iov[i].iov_base, part};
      vector_now(fd, &one, 1, offset);
      if (offset >= 0) offset += part;
      left -= part;
    }
  }
  errno = error_of_mode();
  return -1;
}

static ssize_t one_write(const char *call, int fd, const void *buffer, size_t bytes, off_t offset) {
  struct iovec one = {(void *)buffer, bytes};
  return write_call(call, fd, &one, 1, offset);
}

ssize_t write(int fd, const void *buffer, size_t bytes) {
  return one_write("write", fd, buffer, bytes, -1);
}
ssize_t pwrite(int fd, const void *buffer, size_t bytes, off_t offset) {
  return one_write("pwrite", fd, buffer, bytes, offset);
}
ssize_t pwrite64(int fd, const void *buffer, size_t bytes, off64_t offset) {
  return one_write("pwrite", fd, buffer, bytes, offset);
}
ssize_t writev(int fd, const struct iovec *iov, int count) {
  return write_call("writev", fd, iov, count, -1);
}
ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset) {
  return write_call("pwritev", fd, iov, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t offset) {
  return write_call("pwritev", fd, iov, count, offset);
}

/* Free space. The two have one layout. */

int statfs(const char *path, struct statfs *status) {
  int result = syscall(SYS_statfs, path, status);
  if (result == 0 && plenty) status->f_bavail = status->f_bfree = status->f_blocks;
  return result;
}
int statfs64(const char *path, struct statfs64 *status) {
  return statfs(path, (struct statfs *)status);
}
