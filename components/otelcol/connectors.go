// Copyright (c) 2026 governed.delivery contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"go.opentelemetry.io/collector/connector/forwardconnector"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
)

func init() {
	connectors = append(connectors, forwardconnector.NewFactory(), spanmetricsconnector.NewFactory())
}
