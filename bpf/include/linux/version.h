/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The oldest kernel tcctui runs on: BCC's headers ask, tracepoint programs don't depend on it. */
#define KERNEL_VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define LINUX_VERSION_CODE		    KERNEL_VERSION(5, 8, 0)
