import EmanateAugmentations

extension DataSettings {
  /// The augmentation recipe by its file or embedded name, with the sizes of `views` in place of its own.
  ///
  /// - Parameter known: The augmentations that it may name.
  public func resolvedRecipe(
    augmentations known: [any Augmentation.Type] = AugmentationRegistry.all
  ) throws(ConfigurationError) -> Recipe {
    let (text, source) = try Resource.find(recipe, in: .recipes)
    do throws(RecipeError) {
      var recipe = try Recipe(yaml: text, file: source, augmentations: known)
      try views.apply(to: &recipe, source: source)
      try recipe.validate(file: source, augmentations: known)
      return recipe
    } catch {
      throw .inconsistent(reason: "\(error)")
    }
  }
}

extension ExperimentConfiguration {
  /// The augmentation recipe with this configuration's sizes, checked against the network's patch.
  ///
  /// - Parameter known: The augmentations that it may name.
  public func resolvedRecipe(
    augmentations known: [any Augmentation.Type] = AugmentationRegistry.all
  ) throws(ConfigurationError) -> Recipe {
    let recipe = try data.resolvedRecipe(augmentations: known)
    for view in recipe.views where view.side % network.imagePatch != 0 {
      throw .inconsistent(
        reason:
          "the recipe `\(data.recipe)` has views of side \(view.side), not a multiple of `network.patch`, "
          + "\(network.patch); set `data.views.globalSide` and `data.views.localSide`")
    }
    return recipe
  }
}

extension ViewSettings {
  /// Puts these sizes in place of the recipe's.
  ///
  /// Global views are those of the side of the recipe's first, local ones the others. Where local views stand
  /// in several groups, the last takes up a change of their number. No local views takes their groups out.
  public func apply(to recipe: inout Recipe, source: String) throws(RecipeError) {
    let side = recipe.views.first?.side
    var globals = recipe.views.filter { $0.side == side }
    var locals = recipe.views.filter { $0.side != side }
    for index in globals.indices {
      if let side = globalSide.value { globals[index].side = side }
      if let area = globalArea.value { globals[index].area = .init(area.lowerBound, area.upperBound) }
    }
    if let count = self.locals.value {
      if count > 0 && locals.isEmpty {
        throw .invalid(
          file: source, key: "views", requirement: "a group of local views: `data.views.locals` is \(count)")
      }
      let before = locals.dropLast().reduce(0) { $0 + $1.count }
      if count == 0 {
        locals = []
      } else if count > before {
        locals[locals.count - 1].count = count - before
      } else {
        throw .invalid(
          file: source, key: "views", requirement: "one group of local views to leave \(count) of them")
      }
    }
    for index in locals.indices {
      if let side = localSide.value { locals[index].side = side }
      if let area = localArea.value { locals[index].area = .init(area.lowerBound, area.upperBound) }
    }
    recipe.views = globals + locals
  }
}
