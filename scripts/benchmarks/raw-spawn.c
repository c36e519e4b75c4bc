/* Starts a program N times with posix_spawn, K at a time, and prints the number of starts per second: raw-spawn N K PROGRAM */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int count = atoi(argv[1]), concurrency = atoi(argv[2]), started = 0, running = 0;
  char *const program[] = {argv[3], NULL};
  double start = seconds();
  while (started < count || running > 0) {
    if (started < count && running < concurrency) {
      pid_t pid;
      if (posix_spawn(&pid, argv[3], NULL, NULL, program, environ) != 0) return 1;
      started++, running++;
    } else {
      wait(NULL);
      running--;
    }
  }
  printf("%f\n", count / (seconds() - start));
  return 0;
}
