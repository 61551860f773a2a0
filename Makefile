# concordfs: one Makefile, no generator. `make help` lists the targets.
# B is where objects go: the sanitizer targets run this file again with B=build/asan or build/tsan,
# so two kinds of object never meet. PYTEST_ARGS goes to pytest (-x, -k NAME), TESTS too.
B := build
PREFIX ?= /usr/local
SRC := $(sort $(wildcard fs/*.c fs/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/*_test.c)))
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))
ALL_C := $(sort $(wildcard fs/*.[ch] fs/*/*.[ch] tests/*/*.[ch]))
LIBS := fuse3 libcurl jansson
TESTS := tests
WERROR := -Werror

probe = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')
HARDEN := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong $(foreach flag, \
	-fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero,$(call probe,$(flag)))
MODE := $(if $(SAN),-O1 -fno-omit-frame-pointer -DLOCK_DEBUG $(SAN),$(HARDEN))
override CPPFLAGS := $(CPPFLAGS) -std=gnu17 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -Ifs \
	$(shell pkg-config --cflags $(LIBS) 2>/dev/null)
override CFLAGS += -g -pthread -fPIE $(MODE) -Wall -Wextra -Wshadow -Wmissing-prototypes $(WERROR) \
	-Wformat=2 -Wno-format-nonliteral
override LDFLAGS += -pthread -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(SAN)
LDLIBS := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lm

# Debian's own python has Debian's pytest; another one may come first in PATH and have none.
PYTHON = $(firstword $(foreach p,/usr/bin/python3 python3,$(shell $(p) -c 'import pytest' \
	2>/dev/null && echo $(p))) /usr/bin/python3) -B
PYTEST = $(PYTHON) -m pytest -q -p no:cacheprovider $(PYTEST_ARGS)
# With 32 bits of every address random, things are mapped where gcc's TSan has its shadow.
FIXED := $(shell setarch -R true 2>/dev/null && echo setarch -R)
ASAN := $(MAKE) B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
TSAN := $(FIXED) $(MAKE) B=build/tsan SAN=-fsanitize=thread
# Names what is made; the whole command with V=1, and of course what a failing one said.
run = $(if $(V),$(2),@echo '$(1) $@'; $(2))

all: $(B)/concordfs ## build/concordfs (the default)
$(B)/concordfs: $(OBJ)
	$(call run,LD,$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS))
$(OBJ): $(B)/%.o: %.c Makefile | libs
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<)
$(UNIT) $(BENCH): $(B)/%: tests/%.c Makefile | libs
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MT $@ -MF $@.d -o $@ \
		$(filter %.c %.o,$^) $(LDLIBS))
$(UNIT): $(filter-out $(B)/fs/main.o,$(OBJ))
libs:
	@pkg-config --exists $(LIBS) || { echo "a library is missing: run packaging/deps.sh"; exit 1; }

check: unit pytest ## the unit tests, then pytest on the real binary
unit: $(UNIT) ## the unit tests; what a failing one said comes last
	@packaging/unit.sh $(UNIT)
pytest: $(B)/concordfs ## the whole pytest suite (PYTEST_ARGS="-x -k vim")
	CONCORDFS_BIN=$(abspath $<) $(PYTEST) $(TESTS)
test: ## all that CI runs; installs what is missing first
	packaging/deps.sh test
	$(MAKE) -j$$(nproc) all
	for target in unit tidy sizes package-test pytest tsan asan; do $(MAKE) $$target || exit; done
asan: ## unit tests and pytest under AddressSanitizer and UBSan
	$(ASAN) -j$$(nproc) all
	CONCORDFS_SLOW=4 $(ASAN) check
tsan: ## unit tests and the concurrent part of pytest under ThreadSanitizer
	$(TSAN) -j$$(nproc) all
	CONCORDFS_SLOW=10 $(TSAN) check TESTS='tests -m concurrent'
demo: ; packaging/demo.sh ## a tour: mounts a simulated CRM and works on it
bench: $(BENCH) $(B)/concordfs ## times it beside tmpfs, memfs and curl (ARGS="1000 10000")
	$(PYTHON) tests/bench/bench.py $(ARGS)
tidy: ## clang's thread-safety analysis
	clang -fsyntax-only -Wall -Wextra -Wthread-safety -Werror $(CPPFLAGS) $(SRC)
format: ## lays out the C files
	clang-format -i $(ALL_C)
format-check: ## names the C files that format would change
	clang-format --dry-run -Werror $(ALL_C)
sizes: ## refuses functions above 70 lines and files above 600
	@awk -f packaging/sizes.awk $(ALL_C)
compile_commands.json: $(SRC) ## for clangd
	@printf '{"directory":"$(CURDIR)","file":"%s","command":"cc $(CPPFLAGS) -c"},\n' $^ | \
		sed '1s/^/[/; $$s/,$$/]/' >$@
export DESTDIR PREFIX
install: $(B)/concordfs ## the program, its pages, completions, units, under $(DESTDIR)$(PREFIX)
	BINARY=$(abspath $<) packaging/install.sh $@
uninstall: ; packaging/install.sh $@ ## takes them away again
deb: ; packaging/deb.sh ## build/deb/*.deb, checked by lintian
package-test: ; packaging/package_test.sh ## builds, installs, tries and removes the package
clean: ## removes build/
	rm -rf build compile_commands.json
help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 24
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile)
-include $(OBJ:.o=.d) $(addsuffix .d,$(UNIT) $(BENCH))
