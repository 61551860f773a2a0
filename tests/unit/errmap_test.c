/* SPDX-License-Identifier: MIT */
/* errmap: design 3.9's table, and what must hold for every number. */
#include <errno.h>

#include <curl/curl.h>

#include "check.h"
#include "http/errmap.h"

static void test_table(void)
{
	static const struct {
		int status, err;
	} rows[] = {
		{200, 0},	{201, 0},	   {204, 0},	   {301, -EIO},	   {302, -EIO},
		{307, -EIO},	{400, -EINVAL},	   {401, -EACCES}, {403, -EPERM},  {404, -ENOENT},
		{405, -EPERM},	{408, -ETIMEDOUT}, {409, -EBUSY},  {410, -ENOENT}, {413, -EFBIG},
		{415, -EINVAL}, {422, -EINVAL},	   {429, -EAGAIN}, {500, -EIO},	   {502, -EIO},
		{503, -EIO},	{504, -EIO},	   {0, -EIO},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(errmap_status(rows[i].status).err, rows[i].err);
	CHECK_EQ(errmap_curl(CURLE_OK).err, 0);
	CHECK_EQ(errmap_curl(CURLE_COULDNT_RESOLVE_HOST).err, -EHOSTUNREACH);
	CHECK_EQ(errmap_curl(CURLE_COULDNT_CONNECT).err, -ECONNREFUSED);
	CHECK_EQ(errmap_connect(ECONNREFUSED).err, -ECONNREFUSED);
	CHECK_EQ(errmap_connect(ENETUNREACH).err, -EHOSTUNREACH);
	CHECK_EQ(errmap_curl(CURLE_OPERATION_TIMEDOUT).err, -ETIMEDOUT);
	CHECK_EQ(errmap_curl(CURLE_OUT_OF_MEMORY).err, -ENOMEM);
	CHECK_EQ(errmap_curl(CURLE_PEER_FAILED_VERIFICATION).err, -EACCES);
	CHECK(errmap_curl(CURLE_PEER_FAILED_VERIFICATION).hopeless);
	CHECK_EQ(errmap_own(FAULT_BUDGET).err, -EAGAIN);
	CHECK_EQ(errmap_own(FAULT_TOO_BIG).err, -EFBIG);
}

static void check_sane(struct fault f, bool ok)
{
	CHECK(ok ? f.err == 0 : f.err < 0);
	CHECK(f.err != -ESTALE && f.err != -ENOSYS);
	CHECK(f.text && (ok || f.text[0]));
	size_t n = strlen(f.text);
	CHECK(!n || f.text[n - 1] != '.');
}

static void test_every_number(void)
{
	for (int status = -1; status < 1100; status++)
		check_sane(errmap_status(status), status >= 200 && status < 300);
	for (int code = 0; code < 200; code++)
		check_sane(errmap_curl(code), code == 0);
	for (int e = 0; e < 140; e++)
		check_sane(errmap_connect(e), false);
	for (enum own_fault what = FAULT_DEADLINE; what <= FAULT_LOST; what++)
		check_sane(errmap_own(what), false);
}

int main(void)
{
	test_table();
	test_every_number();
	return check_done("errmap");
}
