// Several objectives: who dominates whom. A trial dominates another if it is no worse in any objective and better in one.
// NaN is worse than every number, and two NaN are alike.
#pragma once

#include <span>
#include <vector>

#include "runner/search/history.h"

namespace saucier::search {

// 0 for those that nothing dominates, 1 for those that only these dominate, and so on (the non-dominated sorting of
// NSGA-II: Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm", 2002). All rows have a value an objective.
std::vector<size_t> domination_ranks(std::span<const std::vector<double>> values, std::span<const Direction> directions);

// How far a row's neighbours are apart, summed over the objectives, each as a share of its range; infinite at the ends.
// Among the rows given: usually those of one rank. Rows that are alike share one place.
std::vector<double> crowding_distances(std::span<const std::vector<double>> values);

// Indices of the rows of rank 0 without NaN, in the order given.
std::vector<size_t> pareto_front(std::span<const std::vector<double>> values, std::span<const Direction> directions);

// All rows, the best first: by rank, then the least crowded, then as given.
std::vector<size_t> by_domination(std::span<const std::vector<double>> values, std::span<const Direction> directions);

}  // namespace saucier::search
