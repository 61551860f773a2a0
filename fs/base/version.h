/* SPDX-License-Identifier: MIT */
/* version: of the whole program. The Makefile and the packages read it here. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define CONCORDFS_VERSION "0.1.0"

#endif
