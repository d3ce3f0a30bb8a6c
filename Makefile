# Every target runs on Debian 12 with Go and root; the lab installs the rest.
SHELL := /bin/bash
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

LAB := go run -C lab ./cmd/lab

.PHONY: up preview status down destroy clean
up:      ## build what is missing, start the lab, deploy stack dev
	@$(LAB) up
preview: ## what pulumi up would change
	@$(LAB) preview
status:  ## processes, pods, autoscalers
	@$(LAB) status
destroy: ## remove the stack's resources; retained volumes stay
	@$(LAB) destroy
down:    ## stop the lab; data stays
	@$(LAB) down
clean:   ## stop the lab and delete .lab/ with its data
	@$(LAB) clean
