"""The paper's Table 4, measured again: five architectures, one schedule, two ways of splitting (`make table4`)."""
