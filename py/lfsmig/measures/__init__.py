"""Indices of internal migration: pure functions of flows, populations and age schedules.

Nothing here knows about a survey, a file or a country. A matrix of flows has the origins as rows
and the destinations as columns; moves inside a zone (the diagonal) are never counted. Functions of
flows take further axes in front, so that all replicates of a bootstrap are one call. What is not
defined (no movers, too few zones) is NaN.

intensity   how much migration there is: crude and aggregate intensity, Courgeau's k, sex ratios
impact      what it does to the zones: effectiveness, net migration rates
structure   how it is spread over origins and destinations: connectivity, inequality, Gini, CV
distance    how far it goes
profile     how it depends on age, and migration expectancy
rogers_castro   the model curve of that dependence, and its fit
noise       what sampling does to all of them: rarefaction, bias correction, noise floor
residual    net migration between two censuses, to hold a survey's balance against
packages    variants of some R packages that compute something else, for comparison only
"""
