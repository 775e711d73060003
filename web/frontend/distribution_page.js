// The page of the distribution of a selection.
import "./definitions.js";
import { showDistribution } from "./distribution.js";

showDistribution(document.getElementById("distribution"));
