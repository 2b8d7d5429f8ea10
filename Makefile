# `make quickstart` sets a machine up and runs the main job; `make test` sets it up and runs every test.
PREFIX ?= /usr/local
EMANATE = .build/release/emanate
OURS = Package.swift Sources augmentations Tests Fuzzing/Package.swift Fuzzing/Sources
# Where `make install` puts things.
BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
MAN = $(SHARE)/man/man1
BASH_COMPLETIONS = $(SHARE)/bash-completion/completions
ZSH_COMPLETIONS = $(SHARE)/zsh/site-functions
FISH_COMPLETIONS = $(SHARE)/fish/vendor_completions.d
COMPLETIONS = $(BASH_COMPLETIONS)/emanate $(ZSH_COMPLETIONS)/_emanate $(FISH_COMPLETIONS)/emanate.fish
# How long `make fuzz` runs, all targets together.
MINUTES ?= 60
RUN_TESTS = swift test -c release --skip-build --no-parallel
# OpenBLAS's Haswell kernels need AVX2.
HAS_AVX2 = [ "$$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo 2> /dev/null

.PHONY: quickstart test test-all test-haswell test-native test-page test-tensorboard notebooks notebooks-write docs build install uninstall lint format golden compare onnx fuzz setup minutes clean

## Sets up, builds and learns features of embedded images in a few minutes.
quickstart:
	@rm -f .build/minutes
	@.ci/timed setup .ci/setup && .ci/timed build $(MAKE) build && .ci/timed run $(EMANATE) quickstart --overwrite; \
	  status=$$?; $(MAKE) --no-print-directory minutes; exit $$status

## Sets up and runs every test, with both sets of OpenBLAS kernels, the linter, and two minutes of fuzzing.
test:
	@rm -f .build/minutes
	@.ci/timed setup .ci/setup tests && .ci/timed lint $(MAKE) lint && .ci/timed build .ci/build-tests \
	  && .ci/timed "tests, Haswell kernels" $(MAKE) test-haswell && .ci/timed "tests, own kernels" $(MAKE) test-native \
	  && .ci/timed notebooks $(MAKE) notebooks && .ci/timed documentation .ci/docs \
	  && .ci/timed "reports in a browser" $(MAKE) test-page \
	  && .ci/timed "event files" $(MAKE) test-tensorboard && .ci/timed fuzzing Fuzzing/run 120; \
	  status=$$?; $(MAKE) --no-print-directory minutes; exit $$status

test-haswell:
	@if $(HAS_AVX2); then OPENBLAS_CORETYPE=Haswell $(RUN_TESTS); \
	  else echo "No AVX2 here: OpenBLAS's Haswell kernels are left out."; fi

## Reads reports as headless Chromium shows them.
test-page:
	@Tests/Page/check $(EMANATE)

## Reads event files with the real TensorBoard.
test-tensorboard:
	@Tests/TensorBoard/check $(EMANATE)

## Runs every block of the tutorials in notebooks-md and of the documentation's guides, and compares what they print and draw
## with what they show. ONLY=03 runs those whose names hold these characters.
notebooks:
	env -u OPENBLAS_CORETYPE EMANATE_NOTEBOOKS=check EMANATE_NOTEBOOKS_ONLY=$(ONLY) $(RUN_TESTS) --filter NotebookTests

## Runs them, or ONLY some, and writes outputs and pictures into the files.
notebooks-write:
	env -u OPENBLAS_CORETYPE EMANATE_NOTEBOOKS=write EMANATE_NOTEBOOKS_ONLY=$(ONLY) $(RUN_TESTS) --filter NotebookTests

test-native:
	@env -u OPENBLAS_CORETYPE $(RUN_TESTS)

## The tests of `make test`, and a whole quickstart, which must learn more than random weights know, and whose student must
## have at most a quarter of its teacher's weights.
test-all: test build
	$(EMANATE) quickstart --overwrite --json > .build/quickstart.json
	@awk 'BEGIN { RS = "[,{}]" } { split($$0, f, ":"); v[f[1]] = f[2] } \
	  END { l = v["\"knn_top1\""]; r = v["\"random_knn_top1\""]; print "learned " l " %, random " r " %"; \
	  s = v["\"student_parameters\""]; t = v["\"teacher_parameters\""]; print "student " s " weights, teacher " t; \
	  exit !(l + 0 > r + 0 && s > 0 && 4 * s <= t) }' \
	  .build/quickstart.json

## Leaves the program at .build/release/emanate.
build:
	swift build -c release --product emanate

## Writes the library's documentation, guides and symbols, to .build/documentation.
docs: build
	@.ci/docs

## Installs the program, the manual's pages, and what bash, zsh and fish need to complete its options. A program that is
## there is taken as it is: with `sudo` there may be no Swift.
install: $(EMANATE)
	install -d $(BIN) $(MAN) $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS) $(FISH_COMPLETIONS)
	install -m 755 $(EMANATE) $(BIN)/emanate
	$(EMANATE) manual --out $(MAN)
	$(EMANATE) --generate-completion-script bash > $(BASH_COMPLETIONS)/emanate
	$(EMANATE) --generate-completion-script zsh > $(ZSH_COMPLETIONS)/_emanate
	$(EMANATE) --generate-completion-script fish > $(FISH_COMPLETIONS)/emanate.fish
	chmod 644 $(MAN)/emanate.1 $(MAN)/emanate-*.1 $(COMPLETIONS)

$(EMANATE):
	$(MAKE) build

## Removes what `make install` with the same PREFIX has installed.
uninstall:
	rm -f $(BIN)/emanate $(MAN)/emanate.1 $(MAN)/emanate-*.1 $(COMPLETIONS)

lint:
	swift format lint --strict --recursive --parallel $(OURS)

format:
	swift format --in-place --recursive --parallel $(OURS)

## Makes the golden values of the tests again, with PyTorch and timm.
golden:
	Tests/Golden/make

## Measures beside PyTorch and torchvision.
compare: build
	Benchmarks/compare

## Exports every architecture as ONNX and compares onnxruntime's outputs with the program's.
onnx: build
	Benchmarks/onnx

## Feeds the readers of files damaged and made-up ones, for MINUTES, under AddressSanitizer.
fuzz:
	Fuzzing/run $$((60 * $(MINUTES)))

## Installs missing system packages.
setup:
	@.ci/setup

minutes:
	@cat .build/minutes 2> /dev/null && awk '{ for (i = 2; i <= NF; i++) if ($$i == "min") s += $$(i - 1) } \
	  END { printf "%-24s %6.1f min\n", "together", s }' .build/minutes || true

clean:
	swift package clean
