# What a person does with Railyard. Each target says what it installs, and does so only once.

.PHONY: help serve build package data test lint bench clean

help:
	@echo "make serve   build the page and serve it on http://127.0.0.1:8080 (PORT=... for another port)"
	@echo "make test    run every test: library, documentation, package, page in Chromium"
	@echo "make build   build the page into dist/"
	@echo "make package build the package for other pages and for scripts into pkg/"
	@echo "make data    check the canonical data sets and pack them"
	@echo "make lint    formatting, clippy and documentation, for this machine and for the browser"
	@echo "make bench   measure speed, natively and in Chromium, beside TensorFlow.js and PyTorch (15 minutes)"
	@echo "make clean   remove what was built (tools and data sets stay)"

serve:
	@scripts/serve.sh

build:
	@scripts/build.sh

package:
	@scripts/package.sh

data:
	@scripts/data.sh

test:
	@scripts/test.sh

lint:
	@scripts/lint.sh

bench:
	@scripts/bench.sh

clean:
	cargo clean
	rm -rf dist pkg
