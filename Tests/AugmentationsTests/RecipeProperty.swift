import EmanateAugmentations

/// What must hold of every text that is given to the recipes' reader: the tests ask it of the corpus, the
/// fuzzer of whatever it makes.
///
/// A text that is refused gives an error that names its file; one that is read is written so that it reads
/// back equal.
///
/// - Returns: what does not hold, or nil.
func brokenProperty(ofRecipe text: String) -> String? {
  let recipe: Recipe
  do {
    recipe = try Recipe(yaml: text, file: "input")
  } catch {
    return error.description.hasPrefix("input: ") ? nil : "the error does not name its file: \(error)"
  }
  do {
    let again = try Recipe(yaml: recipe.yaml, file: "written")
    return again == recipe ? nil : "reads back as another: \(recipe.yaml)"
  } catch {
    return "what was written is refused: \(error)"
  }
}
