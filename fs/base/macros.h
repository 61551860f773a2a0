/* SPDX-License-Identifier: MIT */
/* macros: scope-bound cleanup, intrusive containers, clang's thread-safety annotations. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#include <stddef.h>
#include <stdlib.h>

/* CLEANUP(x_put) struct x *p = ...: x_put(p) runs when p leaves scope; x_put must accept NULL. */
#define CLEANUP(fn) __attribute__((cleanup(fn##_at)))
#define STEAL(p)                                                                                   \
	({                                                                                         \
		__auto_type stolen_ = (p);                                                         \
		(p) = NULL;                                                                        \
		stolen_;                                                                           \
	})
/* Defines what CLEANUP(fn) calls: a wrapper that takes the variable's address. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##_at(type *p)                                                        \
	{                                                                                          \
		fn(*p);                                                                            \
	}

static inline void free_string(char *s)
{
	free(s);
}
DEFINE_CLEANUP(char *, free_string)

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif
#define CAPABILITY(name) TSA(capability(name))
#define ACQUIRE(...) TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) TSA(release_capability(__VA_ARGS__))
#define REQUIRES(...) TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) TSA(locks_excluded(__VA_ARGS__))
#define NO_TSA TSA(no_thread_safety_analysis)

/* What a function that may wait returns when the call now belongs to a waiter list (design 3.4). */
#define PARKED 1

#endif
