/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Empty: BCC includes it and uses nothing of it here. */
