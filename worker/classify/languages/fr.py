"""French, a starter."""

from worker.classify.languages.language import Language, phrases, weighted, words

FRENCH = Language(
    code="fr",
    small=words(
        """
            le la les de des du un une et est pas je vous nous ne que qui dans pour avec sur par au aux ce cette
            mon ma mes votre vos il elle ils on été ai était c d l j n s qu plus très mais ou où sans tout tous
            être avoir fait suis sont se en a y moi leur son sa ses rien aucun aucune depuis encore toujours
            après deux fois comme
        """
    ),
    polar=weighted(
        good_3="""
            excellent, excellente, excellents, parfait, parfaite, parfaitement, génial, géniale, formidable,
            fantastique, super, magnifique, merveilleux, merveilleuse, exceptionnel, exceptionnelle, impeccable,
            au top, top, incroyable, très satisfait, très satisfaite, très bien, très bon, très bonne, rien à
            redire, ravi, ravie, enchanté
        """,
        good_2="""
            bon, bonne, bons, bonnes, bien, satisfait, satisfaite, satisfaisant, content, contente, heureux,
            heureuse, merci, bravo, aimable, aimables, gentil, gentille, gentils, sympathique, sympa, agréable,
            accueillant, accueillante, professionnel, professionnelle, compétent, compétente, efficace,
            efficaces, sérieux, fiable, recommande, recommander, j'adore, j'aime, aucun problème, pas de
            problème, sans problème, aucun souci, sans souci, à l'écoute, serviable, qualité, résolu,
            agréablement, meilleur, meilleure, félicitations, courtois, disponible
        """,
        good_1="""
            rapide, rapides, rapidement, rapidité, simple, facile, facilement, clair, claire, correct, propre,
            ponctuel, à temps, pratique, utile
        """,
        bad_3="""
            horrible, catastrophe, catastrophique, scandaleux, scandaleuse, scandale, inadmissible,
            inacceptable, honteux, honteuse, honte, arnaque, arnaqueurs, escroquerie, escrocs, voleurs, vol,
            mensonge, mensonges, menteurs, nul, nulle, nuls, lamentable, déplorable, épouvantable, affreux,
            pire, le pire, plus jamais, à fuir, fuyez, merde, ridicule, furieux, furieuse, cauchemar, minable,
            médiocre, dégoûté, dégoûtant, exécrable, incompétent, incompétents, incompétence
        """,
        bad_2="""
            mauvais, mauvaise, mal, déçu, déçue, décevant, décevante, déception, insatisfait, insatisfaite,
            mécontent, mécontente, désagréable, impoli, malpoli, problème, problèmes, souci, soucis, erreur,
            erreurs, panne, pannes, coupure, coupures, bug, bugs, retard, retards, en retard, trop long, trop
            longue, trop longtemps, trop cher, chère, lent, lente, lenteur, attente interminable, interminable,
            inutile, injoignable, impossible, jamais reçu, jamais rappelé, pas reçu, pas livré, pas rappelé,
            toujours pas, pas de réponse, aucune réponse, sans réponse, aucune aide, ne fonctionne pas, marche
            pas, ne marche pas, ne marche plus, fonctionne plus, pas résolu, pas satisfait, pas satisfaite, pas
            content, pas contente, pas bon, pas bien, ne recommande pas, recommande pas, déconseille,
            réclamation, réclamations, plainte, litige, cassé, cassée, abîmé, abîmée, défectueux, défectueuse,
            perdu, perdue, faux, fausse, trompé, tromperie, abus, abusif, résilier, résiliation, énervé,
            énervant, agacé, frustré, frustrant, colère, regrette, dommage, compliqué, difficile, sale, manque,
            surfacturé, double prélèvement, prélevé deux fois, facturé deux fois, remboursement, raccroché
        """,
        bad_1="""
            attente, attendre, attendu, attends, cher, améliorer, à améliorer, peut mieux faire, moyen, moyenne,
            plusieurs fois, relancer, relance, augmentation, bruyant, flou, confus, insuffisant
        """,
    ),
    negators=words("pas jamais aucun aucune sans ni rien"),
    wishes=phrases("plus de, serait, pourrait être, devrait être, aurait été"),
    boosters={
        **dict.fromkeys(words("très vraiment extrêmement tellement trop absolument totalement complètement si"), 1.4),
        **dict.fromkeys(words("peu assez plutôt parfois légèrement"), 0.6),
    },
    contrasts=words("mais cependant toutefois pourtant malheureusement"),
    fillers=words("de d un une le la les l du des à vais veux"),
    neutral=phrases("""
        ok, correct, moyen, rien, aucun, non, oui, ras, r.a.s., sans commentaire, pas de commentaire, je ne
        sais pas, normal
        """),
)
