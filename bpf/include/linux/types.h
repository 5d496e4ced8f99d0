/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The integer types that BCC's own headers, and the structs it makes of tracefs' format files, expect
 * of the kernel's tree.
 */
#ifndef TCC_LINUX_TYPES_H
#define TCC_LINUX_TYPES_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __s8 s8;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef __u16 __le16;
typedef __u16 __be16;
typedef __u32 __le32;
typedef __u32 __be32;
typedef __u64 __le64;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
#define __aligned_u64 __u64 __attribute__((aligned(8)))
typedef unsigned long uintptr_t;
typedef unsigned long size_t;
typedef int pid_t;
typedef _Bool bool;

/* 5.10 writes the size of tcp_probe's addresses as sizeof(struct sockaddr_in6). */
struct sockaddr_in6 {
	__u8 bytes[28];
};

#endif
