// What /proc says of this process's threads and of its CPUs.
#pragma once

#include <stdbool.h>

#include "share.h"

// CPUs that this process may run on; at least 1.
int count_cpus(void);

// What was seen since the last call; all zero at the first one. `with_idle`: of the idle time, too, which takes
// longer to read on a machine with many CPUs.
struct seen measure(double now, bool with_idle);
