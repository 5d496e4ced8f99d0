/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Without it BCC declares no helpers. */
#define CONFIG_BPF_SYSCALL 1
